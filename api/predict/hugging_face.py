"""The calls of Hugging Face's API: `huggingface_hub.InferenceClient(base_url).image_classification` works unchanged."""

import time
from typing import Annotated, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.http.callers import Caller
from api.http.dependencies import from_app
from api.http.openapi import problems
from api.predict.errors import UploadError
from api.predict.json_body import JsonBody
from api.predict.predictions import AnswerOptions, Predictions
from api.predict.schemas import ClassifiedImage
from api.predict.uploads import body_of
from api.predictor.protocol.messages import Score

router = APIRouter(tags=["predict"])

_TOP_K = 5
_HELP = """{"inputs": "the image in base64", "parameters": {"top_k": 5}}"""
_BODY = {
    "required": True,
    "content": {
        "image/*": {"schema": {"type": "string", "format": "binary"}},
        "application/json": {"schema": {"$ref": "#/components/schemas/ImageClassificationInput"}},
    },
}


class ImageClassificationParameters(BaseModel):
    """The parameters of the task `image-classification`."""

    model_config = ConfigDict(extra="forbid")

    top_k: int | None = Field(None, ge=1, le=1000, description="Number of classes, highest score first.")
    function_to_apply: Literal["softmax"] | None = Field(
        None, description="Scores are calibrated probabilities: only `softmax` is possible."
    )


class ImageClassificationInput(BaseModel):
    """The request of the task `image-classification`, where it is not the image file itself."""

    model_config = ConfigDict(extra="forbid")

    inputs: str = Field(description="One image file in base64, or as a `data:` URL.")
    parameters: ImageClassificationParameters = Field(
        default_factory=lambda: ImageClassificationParameters.model_validate({})
    )


class _TaskBody(JsonBody):
    """The request of the task as JSON."""

    top_k: int | None = None

    def parse(self, document: bytes) -> list[str]:
        try:
            task = ImageClassificationInput.model_validate_json(document)
        except ValidationError as error:
            raise UploadError(
                f"The JSON document is not understood: send {_HELP}; of functions, only softmax is possible."
            ) from error
        self.top_k = task.parameters.top_k
        return [task.inputs]


@router.post(
    "/",
    operation_id="classify_for_hugging_face",
    summary="Classify an image as Hugging Face's API does, with the only model in production",
    response_model=list[Score],
    responses=problems(404, 408, 413, 415),
    openapi_extra={"requestBody": _BODY},
)
@router.post(
    "/models/{ref}",
    operation_id="classify_with_model_for_hugging_face",
    summary="Classify an image as Hugging Face's API does",
    response_model=list[Score],
    responses=problems(404, 408, 409, 413, 415),
    openapi_extra={"requestBody": _BODY},
)
async def classify(
    request: Request,
    predictions: Annotated[Predictions, from_app(Predictions)],
    caller: Caller,
    ref: str | None = None,
) -> Response:
    """Classify one image: the body, or JSON with the image in base64. Answers a list of labels and scores."""
    started_s = time.monotonic()
    found = await predictions.find(ref, caller.project)
    body = body_of(request, predictions.limits, _TaskBody)
    async with predictions.uploaded(request, body) as images:
        top_k = (body.top_k if isinstance(body, _TaskBody) else None) or _TOP_K
        prediction = await predictions.classify(
            request, found, images[:1], AnswerOptions(top_k), project=caller.project, started_s=started_s
        )
    image = prediction.predictions[0]
    assert isinstance(image, ClassifiedImage)  # noqa: S101  # a request whose only image failed raises
    return JSONResponse([score.model_dump() for score in image.scores])
