"""/models: list, read, download and delete models, and point aliases at them."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import AfterValidator, WithJsonSchema

from api.http.bodies import json_body_docs, read_json
from api.http.callers import Caller
from api.http.dependencies import from_app
from api.http.openapi import problems
from api.http.pages import After, Limit, Page, after_id
from api.models import deletion
from api.models.files import Downloads
from api.models.schemas import Alias, AliasTarget, Model
from api.records.storages import Storages
from model.spec import Name
from worker.errors import AliasNotFoundError
from worker.registry.model_registry import AsyncModelRegistry

router = APIRouter(prefix="/models", tags=["models"])

_ALIAS_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")


def _check_alias(alias: str) -> str:
    if not _ALIAS_NAME.fullmatch(alias):
        raise ValueError(
            "an alias has 1 to 32 lower-case letters a to z, digits, hyphens and underscores, and begins with a letter"
        )
    if alias == "latest":
        raise ValueError("latest always means the newest version: choose another alias")
    return alias


AliasName = Annotated[
    str,
    AfterValidator(_check_alias),
    WithJsonSchema({"type": "string", "pattern": f"^{_ALIAS_NAME.pattern}$"}),
]
AfterModel = Annotated[After, after_id("mdl_")]
Registry = Annotated[AsyncModelRegistry, from_app(AsyncModelRegistry)]
ModelStorages = Annotated[Storages, from_app(Storages)]

_FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}
}
_ALIAS = "/{name}/aliases/{alias}"


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
async def delete_model(models: Registry, storages: ModelStorages, caller: Caller, ref: str) -> None:
    """Delete a model that no alias points at."""
    await deletion.delete_model(models, storages, ref, caller.project)


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
    """A model's file; its ETag is its SHA-256."""
    manifest = (await models.resolve(ref, caller.project)).manifest
    return await downloads.response(request, caller.project, manifest, file)


@router.get(_ALIAS, operation_id="get_alias", summary="The version of an alias", responses=problems(404))
async def get_alias(models: Registry, caller: Caller, name: Name, alias: AliasName) -> Alias:
    """The version that an alias points at."""
    if alias not in await models.list_aliases(name, caller.project):
        raise AliasNotFoundError(name, alias)
    return Alias.pointing_at(await models.resolve(f"{name}@{alias}", caller.project), alias)


@router.put(
    _ALIAS,
    operation_id="set_alias",
    summary="Promote",
    responses=problems(404, 408, 413, 415),
    openapi_extra=json_body_docs(AliasTarget, third={"version": 3}),
)
async def set_alias(
    request: Request, models: Registry, caller: Caller, name: Name, alias: AliasName
) -> Alias:
    """Point an alias at a version; the next request already uses that version."""
    target = await read_json(request, AliasTarget)
    model = await models.set_alias(name, alias, target.version, caller.name, caller.project)
    return Alias.pointing_at(model, alias)


@router.delete(
    _ALIAS,
    operation_id="delete_alias",
    summary="Delete an alias",
    status_code=204,
    responses=problems(404),
)
async def delete_alias(models: Registry, caller: Caller, name: Name, alias: AliasName) -> None:
    """Delete an alias; the model stays."""
    await models.delete_alias(name, alias, caller.name, caller.project)
