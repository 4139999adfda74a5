"""/models: list, read, download and delete models."""

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response

from api.http.callers import Caller
from api.http.dependencies import from_app
from api.http.openapi import problems
from api.http.pages import After, Limit, Page, after_id
from api.models import deletion
from api.models.evaluation.runs import EvaluationRuns
from api.models.files import Downloads
from api.models.review.reviews import Reviews
from api.models.schemas import Model
from api.records.storages import Storages
from model.spec import Name
from worker.registry.model_registry import AsyncModelRegistry

router = APIRouter(prefix="/models", tags=["models"])

AfterModel = Annotated[After, after_id("mdl_")]
Registry = Annotated[AsyncModelRegistry, from_app(AsyncModelRegistry)]
ModelStorages = Annotated[Storages, from_app(Storages)]

_FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}
}


@router.get("", operation_id="list_models", summary="All models, newest first")
async def list_models(
    models: Registry,
    caller: Caller,
    name: Name | None = None,
    limit: Limit = 20,
    after: AfterModel | None = None,
) -> Page[Model]:
    """A page of models, of all names or of one name."""
    page = await models.list_models(name, limit=limit, after=after or "", project=caller.project)
    return Page(data=[Model.registered(model) for model in page.models], has_more=page.has_more)


@router.get("/{ref}", operation_id="get_model", summary="One model", responses=problems(404, 409))
async def get_model(models: Registry, caller: Caller, ref: str) -> Model:
    """The model behind `mdl_…`, `name` (its production version), `name:3`, `name:latest` or `name@alias`."""
    return Model.registered(await models.resolve(ref, caller.project))


@router.delete(
    "/{ref}",
    operation_id="delete_model",
    summary="Delete a model",
    status_code=204,
    responses=problems(404, 409),
)
async def delete_model(
    models: Registry,
    storages: ModelStorages,
    evaluations: Annotated[EvaluationRuns, from_app(EvaluationRuns)],
    reviews: Annotated[Reviews, from_app(Reviews)],
    caller: Caller,
    *,
    ref: str,
) -> None:
    """Delete a model that no alias points at, with its evaluations."""
    await deletion.delete_model(models, storages, evaluations, reviews, ref=ref, project=caller.project)


@router.get(
    "/{ref}/files/{file}",
    operation_id="get_model_file",
    summary="Download a file",
    response_class=Response,
    responses={**_FILE, 304: {"description": "You have it already."}, **problems(404, 409)},
)
async def get_model_file(
    request: Request,
    models: Registry,
    downloads: Annotated[Downloads, from_app(Downloads)],
    caller: Caller,
    *,
    ref: str,
    file: str,
) -> Response:
    """A model's file; its ETag is its SHA-256.

    Besides the files of the manifest: `README.md`, the model card; `curves.svg` and `confusion_matrix.svg`; `predict.py`.
    """
    manifest = (await models.resolve(ref, caller.project)).manifest
    return await downloads.response(request, caller.project, manifest, file)
