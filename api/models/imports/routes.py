"""/models/import: take a model that another service exported."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from api.http.callers import Caller, IdempotencyKey
from api.http.dependencies import from_app
from api.http.disconnect import read_waiting, while_connected
from api.http.links import root_path
from api.http.openapi import problems
from api.models.imports.imports import ModelImports
from api.models.imports.schemas import ImportedModel
from model.spec import Name

router = APIRouter(prefix="/models", tags=["models"])

Imports = Annotated[ModelImports, from_app(ModelImports)]
ImportId = Annotated[str, Path(max_length=100, description="mim_…")]
WaitS = Annotated[float, Query(ge=0, le=60, description="Seconds to wait for its end.")]

_BINARY = {"schema": {"type": "string", "format": "binary"}}
_ZIP: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "A bundle, as `GET /models/{ref}/bundle` of the other service gives it.",
        "content": {"application/zip": _BINARY, "application/octet-stream": _BINARY},
    }
}
_DELETED: dict[int | str, dict[str, Any]] = {
    204: {"description": "It had ended, and its record is deleted; the model stays."}
}


@router.post(
    "/import",
    operation_id="import_model",
    summary="Import a model",
    status_code=202,
    responses=problems(408, 413, 415),
    openapi_extra=_ZIP,
)
async def import_model(
    request: Request,
    response: Response,
    *,
    imports: Imports,
    caller: Caller,
    name: Annotated[
        Name | None, Query(description="The model's name here. Default: its name in the bundle.")
    ] = None,
    wait_s: WaitS = 0,
    idempotency_key: IdempotencyKey = None,
) -> ImportedModel:
    """Store a bundle and queue its import: a worker of the lane `light` checks it and publishes the next version.

    No alias is moved: promote the version when you trust it.
    """
    found = await imports.receive(request, name, caller, idempotency_key)
    if wait_s:
        found = await while_connected(request, imports.find(found.id, caller.project, wait_s))
    answer = ImportedModel.of(found, root_path(request))
    response.headers["Location"] = answer.links.self
    return answer


@router.get(
    "/imports/{import_id}",
    operation_id="get_model_import",
    summary="One import of a model",
    responses=problems(404),
)
async def get_model_import(
    request: Request, *, imports: Imports, caller: Caller, import_id: ImportId, wait_s: WaitS = 0
) -> ImportedModel:
    """The import as it is now; with wait_s, as soon as it has ended."""
    found = await read_waiting(request, imports.find(import_id, caller.project, wait_s), wait_s)
    return ImportedModel.of(found, root_path(request))


@router.delete(
    "/imports/{import_id}",
    operation_id="delete_model_import",
    summary="Cancel or delete an import of a model",
    response_model=ImportedModel,
    responses={**_DELETED, **problems(404, 409)},
)
async def delete_model_import(
    request: Request, *, imports: Imports, caller: Caller, import_id: ImportId
) -> ImportedModel | Response:
    """Cancel an import that has not ended; delete the record of one that has."""
    cancelled = await imports.cancel_or_delete(import_id, caller.project)
    return Response(status_code=204) if cancelled is None else ImportedModel.of(cancelled, root_path(request))
