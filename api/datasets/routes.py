"""/datasets: upload, list, look."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from api.datasets import listing as dataset_answers
from api.datasets.uploads import uploads_of
from api.dependencies import After, AnyService, IdempotencyKey, Limit, caller_of
from api.http.openapi import problems
from api.schemas import Dataset, Page
from model.spec import Name

router = APIRouter(prefix="/datasets", tags=["datasets"])

_BINARY = {"schema": {"type": "string", "format": "binary"}}
_ZIP: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "A folder per class, optionally under train/ and test/ (or val/), or a labels.csv at the root.",
        "content": {"application/zip": _BINARY, "application/octet-stream": _BINARY},
    }
}


@router.post(
    "",
    operation_id="create_dataset",
    summary="Upload images",
    status_code=201,
    responses=problems(408, 409, 413, 415),
    openapi_extra=_ZIP,
)
async def create_dataset(
    request: Request,
    services: AnyService,
    response: Response,
    name: Annotated[Name, Query(description="What to call it; datasets never change, so neither do names.")],
    idempotency_key: IdempotencyKey = None,
) -> Dataset:
    """Import a zip of images; the same bytes again answer with the same dataset."""
    await services.storage_room.require()
    entry = await uploads_of(request).receive(request, name, caller_of(request), idempotency_key)
    response.headers["Location"] = f"{request.scope.get('root_path', '')}/datasets/{entry.facts.id}"
    return dataset_answers.registered(entry)


@router.get("", operation_id="list_datasets", summary="All datasets", responses=problems(404))
async def list_datasets(services: AnyService, limit: Limit = 20, after: After = "") -> Page[Dataset]:
    """The uploaded datasets, newest first, then the built-in ones."""
    return await dataset_answers.page(services, limit, after)


@router.get("/{ref}", operation_id="get_dataset", summary="One dataset", responses=problems(404))
async def get_dataset(services: AnyService, ref: str) -> Dataset:
    """The dataset of an id or a name."""
    return await dataset_answers.find(services, ref)
