"""/models/{ref}/evaluation: how good a model is on the test images of its dataset, and the images behind each figure."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Request

from api.http.callers import Caller
from api.http.dependencies import from_app
from api.http.openapi import problems
from api.http.pages import After, Limit, Page
from api.models.evaluation.queries import ImageResult, Order
from api.models.evaluation.reader import EvaluationReader
from api.models.evaluation.schemas import EvaluatedImage, ModelEvaluation
from api.models.evaluation.sources import OwnTest
from worker.registry.model_registry import AsyncModelRegistry

router = APIRouter(prefix="/models", tags=["models"])

Registry = Annotated[AsyncModelRegistry, from_app(AsyncModelRegistry)]
Reader = Annotated[EvaluationReader, from_app(EvaluationReader)]


def class_query(description: str) -> object:
    """Return the query parameter of a class."""
    return Query(max_length=1000, description=description)


Label = Annotated[str | None, class_query("Only images of this class.")]
Predicted = Annotated[str | None, class_query("Only images that the model takes for this class.")]
ImageOrder = Annotated[
    Order,
    Query(description="worst: the lowest probability of the label first, the surest mistakes; best: last."),
]


@router.get(
    "/{ref}/evaluation",
    operation_id="get_evaluation",
    summary="How good a model is",
    responses=problems(404, 409),
)
async def get_evaluation(models: Registry, reader: Reader, caller: Caller, ref: str) -> ModelEvaluation:
    """Scores on the test images of the model's dataset, with intervals; they decided nothing in its training."""
    manifest = (await models.resolve(ref, caller.project)).manifest
    return ModelEvaluation.stored(await reader.evaluation(caller.project, OwnTest(manifest)), manifest)


@router.get(
    "/{ref}/evaluation/images",
    operation_id="list_evaluated_images",
    summary="The images behind an evaluation",
    responses=problems(404, 409),
)
async def list_evaluated_images(
    request: Request,
    models: Registry,
    reader: Reader,
    caller: Caller,
    *,
    ref: str,
    label: Label = None,
    predicted: Predicted = None,
    order: ImageOrder = Order.WORST,
    limit: Limit = 20,
    after: After = "",
) -> Page[EvaluatedImage]:
    """A page of test images, such as those of one cell of the confusion matrix."""
    manifest = (await models.resolve(ref, caller.project)).manifest
    results = await reader.images(
        caller.project,
        OwnTest(manifest),
        label=label,
        predicted=predicted,
        order=order,
        after=after,
        limit=limit + 1,
    )
    return image_page(results, limit, manifest.dataset.id, request.scope.get("root_path", ""))


def image_page(
    results: Sequence[ImageResult], limit: int, dataset_id: str, root_path: str
) -> Page[EvaluatedImage]:
    """Return a page of images; one result more than `limit` says that there are more."""
    return Page(
        data=[EvaluatedImage.answered(one, dataset_id, root_path) for one in results[:limit]],
        has_more=len(results) > limit,
    )
