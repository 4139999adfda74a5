"""POST /predict."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response
from starlette.requests import ClientDisconnect

from api.http.openapi import problems
from api.predict.predictions import Prediction, Predictions

router = APIRouter(tags=["predict"])

_BODY = {
    "required": True,
    "content": {
        "image/*": {"schema": {"type": "string", "format": "binary"}},
        "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {"files": {"type": "array", "items": {"type": "string", "format": "binary"}}},
            }
        },
    },
}


def predictions(request: Request) -> Predictions:
    """What `create_app` made."""
    found: Predictions = request.app.state.predictions
    return found


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
    predictions: Annotated[Predictions, Depends(predictions)],
    model: Annotated[
        str | None, Query(description="A model ref; without it, the only one in production.")
    ] = None,
    top_k: Annotated[int, Query(ge=1, le=1000, description="Classes to answer, best first.")] = 5,
) -> Response:
    """Classify one image (the body) or several (form parts named file, files or image)."""
    try:
        answer = await predictions.predict(request, model, top_k)
    except ClientDisconnect:
        return Response(status_code=499)  # nobody reads it
    # As JSON at once: FastAPI would validate our own answer a second time.
    return JSONResponse(answer.model_dump(mode="json"))
