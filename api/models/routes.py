"""/models: list, look, download, promote, delete."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from api.dependencies import AliasName, AnyService, Limit, caller_of
from api.http.bodies import json_body_docs, read_json
from api.http.openapi import problems
from api.models import responses as model_answers
from api.schemas import Alias, AliasTarget, Model, Page
from model.spec import Name

router = APIRouter(prefix="/models", tags=["models"])

_FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}
}
_ALIAS = "/{name}/aliases/{alias}"


@router.get("", operation_id="list_models", summary="All models, newest first")
async def list_models(
    services: AnyService,
    name: Name | None = None,
    limit: Limit = 20,
    after: Annotated[str, Query(pattern=r"^mdl_[0-9a-z]{26}$")] | None = None,
) -> Page[Model]:
    """A page of models, of all names or of one."""
    return model_answers.model_list(await services.models.list_models(name, limit=limit, after=after or ""))


@router.get("/{ref}", operation_id="get_model", summary="One model", responses=problems(404, 409))
async def get_model(services: AnyService, ref: str) -> Model:
    """The model behind `mdl_…`, `name` (its production), `name:3`, `name:latest` or `name@alias`."""
    return model_answers.model(await services.models.resolve(ref))


@router.delete(
    "/{ref}",
    operation_id="delete_model",
    summary="Delete a model",
    status_code=204,
    responses=problems(404, 409),
)
async def delete_model(services: AnyService, ref: str) -> None:
    """Delete a model that no alias points at."""
    await model_answers.delete(services, ref)


@router.get(
    "/{ref}/files/{file}",
    operation_id="get_model_file",
    summary="Download a file",
    response_class=Response,
    responses={**_FILE, 304: {"description": "You have it already."}, **problems(404, 409)},
)
async def get_model_file(request: Request, services: AnyService, ref: str, file: str) -> Response:
    """A model's file; its ETag is its SHA-256."""
    return await model_answers.file(services, request, ref, file)


@router.get(_ALIAS, operation_id="get_alias", summary="What an alias points at", responses=problems(404))
async def get_alias(services: AnyService, name: Name, alias: AliasName) -> Alias:
    """The version behind an alias."""
    return await model_answers.find_alias(services, name, alias)


@router.put(
    _ALIAS,
    operation_id="set_alias",
    summary="Promote",
    responses=problems(404, 408, 413, 415),
    openapi_extra=json_body_docs(AliasTarget, third={"version": 3}),
)
async def set_alias(request: Request, services: AnyService, name: Name, alias: AliasName) -> Alias:
    """Point an alias at a version; from the next request on, it answers."""
    target = await read_json(request, AliasTarget)
    found = await services.models.set_alias(name, alias, target.version, caller_of(request))
    return model_answers.alias_of(found, alias)


@router.delete(
    _ALIAS,
    operation_id="delete_alias",
    summary="Take an alias away",
    status_code=204,
    responses=problems(404),
)
async def delete_alias(request: Request, services: AnyService, name: Name, alias: AliasName) -> None:
    """Take an alias away; the model stays."""
    await services.models.delete_alias(name, alias, caller_of(request))
