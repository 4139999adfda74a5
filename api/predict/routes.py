"""`POST /predict`."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from api.http.callers import Caller
from api.http.dependencies import from_app
from api.http.openapi import problems
from api.predict.limits import UploadLimits
from api.predict.plain_calls import PlainCalls
from api.predict.predictions import AnswerOptions, Predictions
from api.predict.schemas import Prediction

router = APIRouter(tags=["predict"], route_class=PlainCalls)

_BODY = {
    "required": True,
    "content": {
        "image/*": {"schema": {"type": "string", "format": "binary"}},
        "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        "application/json": {"schema": {"$ref": "#/components/schemas/ImagesDocument"}},
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {"files": {"type": "array", "items": {"type": "string", "format": "binary"}}},
            }
        },
    },
}


@router.post(
    "/predict",
    operation_id="predict",
    summary="Classify images",
    response_model=Prediction,
    responses=problems(404, 408, 409, 413, 415),
    openapi_extra={"requestBody": _BODY},
)
async def predict(
    request: Request,
    predictions: Annotated[Predictions, from_app(Predictions)],
    caller: Caller,
    *,
    model: Annotated[
        str | None,
        Query(
            description="A model reference: an id, `name`, `name:version` or `name@alias`; or the id of a job, which "
            "answers with its best epoch so far. Default: the only model in production."
        ),
    ] = None,
    top_k: Annotated[
        int, Query(ge=1, le=1000, description="Number of classes in each answer, highest score first.")
    ] = 5,
    explain: Annotated[
        bool,
        Query(
            description="Say for each image where the network found its evidence for the label, as numbers and as a "
            f"picture; at most {UploadLimits.explained_images} images in a request."
        ),
    ] = False,
    min_score: Annotated[
        float | None,
        Query(
            ge=0,
            le=1,
            description="Answers with a score below it say `abstained: true`. Default: the `min_scores` of the alias.",
        ),
    ] = None,
    tta: Annotated[
        bool,
        Query(
            description="Give the scores of each image and its mirror image together, as `test_accuracy_tta` is measured; "
            "422 for a model that was trained without mirror images."
        ),
    ] = False,
    coverage: Annotated[
        float | None,
        Query(
            ge=0.5,
            le=0.999,
            description="Give a `label_set` with each answer, so that this share of the sets has the image's label; 409 for "
            "a model with too few validation images.",
        ),
    ] = None,
    timeout_ms: Annotated[
        int | None,
        Query(ge=1, description="Answer 503 instead of later than this; at most the service's 30 s."),
    ] = None,
) -> Response:
    """Classify one image (the body) or several (form parts named file, files or image; or JSON with base64)."""
    deadline_s = timeout_ms / 1000 if timeout_ms else None
    options = AnswerOptions(
        top_k, tta=tta, coverage=coverage, explain=explain, min_score=min_score, deadline_s=deadline_s
    )
    answer = await predictions.predict(request, model, options, caller.project)
    # Not `return answer`: FastAPI would validate the response a second time.
    return Response(answer.model_dump_json(), media_type="application/json")
