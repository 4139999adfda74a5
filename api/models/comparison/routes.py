"""/models/{ref}/comparison: two or more models side by side, and the images on which two disagree."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request

from api.http.callers import Caller
from api.http.dependencies import from_app
from api.http.links import root_path
from api.http.openapi import problems
from api.http.pages import After, Limit, Page
from api.models.comparison.reader import ComparisonReader
from api.models.comparison.schemas import ComparedImage, ModelComparison
from worker.registry.model_registry import AsyncModelRegistry

router = APIRouter(prefix="/models", tags=["models"])

Registry = Annotated[AsyncModelRegistry, from_app(AsyncModelRegistry)]
Reader = Annotated[ComparisonReader, from_app(ComparisonReader)]
Others = Annotated[
    list[str],
    Query(alias="with", min_length=1, max_length=7, description="Another model; may be given several times."),
]
Other = Annotated[str, Query(alias="with", max_length=128, description="The other model.")]
Which = Annotated[
    Literal["all", "only_candidate", "only_current"],
    Query(
        description="only_candidate: those that only the first model gets right; only_current: only the other."
    ),
]


@router.get(
    "/{ref}/comparison",
    operation_id="compare_models",
    summary="Models side by side",
    responses=problems(404, 409),
)
async def compare_models(
    models: Registry, reader: Reader, caller: Caller, ref: str, others: Others
) -> ModelComparison:
    """Settings that differ, and the first model against each other one on test images that neither was trained on."""
    manifests = [(await models.resolve(one, caller.project)).manifest for one in (ref, *others)]
    return await reader.compare(caller.project, manifests)


@router.get(
    "/{ref}/comparison/images",
    operation_id="list_compared_images",
    summary="The images on which two models disagree",
    responses=problems(404, 409),
)
async def list_compared_images(
    request: Request,
    models: Registry,
    reader: Reader,
    caller: Caller,
    *,
    ref: str,
    other: Other,
    which: Which = "all",
    limit: Limit = 20,
    after: After = "",
) -> Page[ComparedImage]:
    """Images for which the two predict different classes; those where the label's scores differ most first."""
    candidate, current = [(await models.resolve(one, caller.project)).manifest for one in (ref, other)]
    found = await reader.disputed(
        caller.project, candidate, current, which=which, after=after, limit=limit + 1
    )
    data = [ComparedImage.of(one, candidate.dataset.id, root_path(request)) for one in found[:limit]]
    return Page(data=data, has_more=len(found) > limit)
