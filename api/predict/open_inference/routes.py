"""`/v2`: the Open Inference Protocol."""

import time
from typing import Annotated

from fastapi import APIRouter, Header, Request, Response

from api.http.callers import Caller
from api.http.dependencies import from_app
from api.http.openapi import problems
from api.predict.errors import ImageFailedError
from api.predict.job_models import Answering, JobCheckpoint, spec_of
from api.predict.open_inference.answers import infer_response
from api.predict.open_inference.body import InferenceBody
from api.predict.open_inference.schemas import (
    IMAGE,
    LABEL,
    PIXELS,
    PROBABILITIES,
    InferenceResponse,
    Live,
    ModelMetadata,
    ModelReady,
    Ready,
    ServerMetadata,
    TensorMetadata,
)
from api.predict.predictions import AnswerOptions, Predictions
from api.predict.schemas import ClassifiedImage, FailedImage
from api.records.datasets import DatasetCatalogue, find_built_in
from model.host.installation import installed_version

router = APIRouter(prefix="/v2", tags=["open inference protocol"])

Models = Annotated[Predictions, from_app(Predictions)]
Datasets = Annotated[DatasetCatalogue, from_app(DatasetCatalogue)]

_BODY = {
    "required": True,
    "content": {
        "application/json": {"schema": {"$ref": "#/components/schemas/InferenceRequest"}},
        "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
    },
}


@router.get("", operation_id="get_v2_server", summary="What the server is")
async def get_server() -> ServerMetadata:
    """Name, version and extensions of the server."""
    return ServerMetadata(version=installed_version())


@router.get("/health/live", operation_id="get_v2_live", summary="The process is alive")
async def get_live() -> Live:
    """Answers as long as the process runs."""
    return Live()


@router.get(
    "/health/ready",
    operation_id="get_v2_ready",
    summary="The service can work",
    responses={503: {"model": Ready, "description": "A component does not work: see /readyz."}},
)
async def get_ready(models: Models, response: Response) -> Ready:
    """200 when Redis answers and the predictor runs, else 503."""
    is_ready = await models.is_ready()
    response.status_code = 200 if is_ready else 503
    return Ready(ready=is_ready)


@router.get(
    "/models/{name}",
    operation_id="get_v2_model",
    summary="What a model takes and gives",
    responses=problems(404, 409),
)
@router.get(
    "/models/{name}/versions/{version}",
    operation_id="get_v2_model_version",
    summary="What a version of a model takes and gives",
    responses=problems(404, 409),
)
async def get_model(
    models: Models, datasets: Datasets, caller: Caller, name: str, version: str = ""
) -> ModelMetadata:
    """Inputs and outputs of the version in production, of this version, or of a job's best epoch so far."""
    found = await models.find(_ref(name, version), caller.project)
    size, classes = spec_of(found).image_size, await _classes(found, datasets, caller.project)
    return ModelMetadata(
        name=name if isinstance(found, JobCheckpoint) else found.manifest.name,
        versions=[] if isinstance(found, JobCheckpoint) else [str(found.manifest.version)],
        inputs=[
            TensorMetadata(name=IMAGE, datatype="BYTES", shape=[-1]),
            TensorMetadata(name=PIXELS, datatype="UINT8", shape=[-1, size, size, 3]),
        ],
        outputs=[
            TensorMetadata(name=PROBABILITIES, datatype="FP32", shape=[-1, len(classes)]),
            TensorMetadata(name=LABEL, datatype="BYTES", shape=[-1]),
        ],
    )


@router.get(
    "/models/{name}/ready",
    operation_id="get_v2_model_ready",
    summary="A model can classify",
    responses=problems(404, 409),
)
@router.get(
    "/models/{name}/versions/{version}/ready",
    operation_id="get_v2_model_version_ready",
    summary="A version of a model can classify",
    responses=problems(404, 409),
)
async def get_model_ready(
    models: Models,
    caller: Caller,
    response: Response,
    name: str,
    version: str = "",
) -> ModelReady:
    """200 when the model exists and the predictor runs, else 404 or 503."""
    await models.find(_ref(name, version), caller.project)
    is_ready = await models.is_ready()
    response.status_code = 200 if is_ready else 503
    return ModelReady(name=name, ready=is_ready)


@router.post(
    "/models/{name}/infer",
    operation_id="infer",
    summary="Classify images",
    response_model=InferenceResponse,
    responses=problems(404, 408, 409, 413, 415),
    openapi_extra={"requestBody": _BODY},
)
@router.post(
    "/models/{name}/versions/{version}/infer",
    operation_id="infer_version",
    summary="Classify images with a version of a model",
    response_model=InferenceResponse,
    responses=problems(404, 408, 409, 413, 415),
    openapi_extra={"requestBody": _BODY},
)
async def infer(
    request: Request,
    models: Models,
    datasets: Datasets,
    caller: Caller,
    name: str,
    *,
    version: str = "",
    inference_header_content_length: Annotated[
        int | None, Header(ge=0, description="Length of the JSON document, if binary values follow it.")
    ] = None,
) -> Response:
    """Classify image files (`image`) or RGB pixels (`pixels`). All must be readable: one that is not fails the request."""
    started_s = time.monotonic()
    found = await models.find(_ref(name, version), caller.project)
    classes = await _classes(found, datasets, caller.project)
    body = InferenceBody(models.limits, inference_header_content_length)
    async with models.uploaded(request, body) as images:
        options = AnswerOptions(len(classes), tta=body.request.parameters.tta)
        prediction = await models.classify(
            request, found, images, options, project=caller.project, started_s=started_s
        )
    for image in prediction.predictions:
        if isinstance(image, FailedImage):
            raise ImageFailedError(image.index, image.error)
    classified = [image for image in prediction.predictions if isinstance(image, ClassifiedImage)]
    return infer_response(body.request, prediction.model, classified, classes)


async def _classes(found: Answering, datasets: DatasetCatalogue, project: str) -> list[str]:
    """Return the classes of a model in the order of its scores; a checkpoint has those of its dataset."""
    if not isinstance(found, JobCheckpoint):
        return found.manifest.classes
    built_in = find_built_in(found.spec.dataset)
    return (built_in or (await datasets.look_up_ready(found.spec.dataset, project)).facts).classes


def _ref(name: str, version: str) -> str:
    return f"{name}:{version}" if version else name
