"""/models/{ref}/evaluation: how good a model is on the test images of its dataset, and the images behind each figure."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from api.http.callers import Caller
from api.http.dependencies import from_app
from api.http.links import root_path
from api.http.openapi import problems
from api.http.pages import After, Limit, Page
from api.models.evaluation.queries import Order
from api.models.evaluation.reader import EvaluationReader
from api.models.evaluation.schemas import EvaluatedImage, ModelEvaluation
from api.models.evaluation.sources import OwnTest, Source
from worker.registry.model_registry import AsyncModelRegistry

router = APIRouter(prefix="/models", tags=["models"])

Registry = Annotated[AsyncModelRegistry, from_app(AsyncModelRegistry)]
Reader = Annotated[EvaluationReader, from_app(EvaluationReader)]


def _class(description: str) -> object:
    return Query(max_length=1000, description=description)


@dataclass(frozen=True)
class WantedImages:
    """The query of a list of evaluated images: which ones, in which order, which page."""

    label: Annotated[str | None, _class("Only images of this class.")] = None
    predicted: Annotated[str | None, _class("Only images that the model takes for this class.")] = None
    order: Annotated[
        Order,
        Query(
            description="worst: the lowest probability of the label first, the surest mistakes; best: last."
        ),
    ] = Order.WORST
    limit: Limit = 20
    after: After = ""

    async def page(
        self, request: Request, reader: EvaluationReader, project: str, source: Source, dataset_id: str
    ) -> Page[EvaluatedImage]:
        """Return the page of the images that a model was evaluated on."""
        found = await reader.images(
            project,
            source,
            label=self.label,
            predicted=self.predicted,
            order=self.order,
            after=self.after,
            limit=self.limit + 1,
        )
        data = [
            EvaluatedImage.answered(one, source.manifest.id, dataset_id, root_path(request))
            for one in found[: self.limit]
        ]
        return Page(data=data, has_more=len(found) > self.limit)


Wanted = Annotated[WantedImages, Depends()]


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
    request: Request, models: Registry, reader: Reader, caller: Caller, *, ref: str, wanted: Wanted
) -> Page[EvaluatedImage]:
    """A page of test images, such as those of one cell of the confusion matrix."""
    manifest = (await models.resolve(ref, caller.project)).manifest
    return await wanted.page(request, reader, caller.project, OwnTest(manifest), manifest.dataset.id)
