"""/datasets/{ref}/images/{id}/explanation: where a model looks in an image of a dataset."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from api.datasets.contents.errors import UnreadableImageError
from api.datasets.contents.reader import ContentsReader
from api.http.callers import Caller
from api.http.dependencies import from_app
from api.http.openapi import problems
from api.predictor.client import PredictorClient
from api.predictor.protocol.messages import Explanation, Score
from worker.redis_server.projects import model_address
from worker.registry.model_registry import AsyncModelRegistry

router = APIRouter(prefix="/datasets", tags=["datasets"])

_TOP_K = 5


class ExplainedImage(BaseModel):
    """What a model answers for an image of a dataset, and where it found the evidence."""

    object: Literal["explained_image"] = "explained_image"
    image: str
    dataset_id: str
    label: str = Field(description="Its class in the dataset.")
    model: str = Field(description="The id of the model.")
    scores: list[Score] = Field(description="The most probable classes.")
    explanation: Explanation


@router.get(
    "/{ref}/images/{image_id}/explanation",
    operation_id="explain_dataset_image",
    summary="Where a model looks in an image",
    responses=problems(404, 409),
)
async def explain_image(
    reader: Annotated[ContentsReader, from_app(ContentsReader)],
    models: Annotated[AsyncModelRegistry, from_app(AsyncModelRegistry)],
    predictor: Annotated[PredictorClient, from_app(PredictorClient)],
    caller: Caller,
    *,
    ref: str,
    image_id: str,
    model: Annotated[str, Query(max_length=128, description="A reference of the model.")],
) -> ExplainedImage:
    """Classify the image as `POST /predict?explain=true` does."""
    manifest = (await models.resolve(model, caller.project)).manifest
    dataset = await reader.find(ref, caller.project)
    image = await reader.image(dataset, image_id)
    data = b"".join([chunk async for chunk in reader.original(dataset, image)])
    address = model_address(manifest.id, caller.project)
    answer = (await predictor.predict(address, [data], top_k=_TOP_K, explain=True)).items[0]
    if answer.error or answer.explanation is None:
        raise UnreadableImageError(answer.error.message if answer.error else "It was not explained.")
    return ExplainedImage(
        image=image.id,
        dataset_id=dataset.id,
        label=image.label,
        model=manifest.id,
        scores=answer.scores,
        explanation=answer.explanation,
    )
