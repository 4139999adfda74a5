"""/datasets: upload, list and read datasets."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from api.datasets.listing import find_dataset, list_page
from api.datasets.schemas import Dataset
from api.datasets.uploads import DatasetUploads
from api.http.callers import Caller, IdempotencyKey
from api.http.dependencies import from_app
from api.http.openapi import problems
from api.http.pages import After, Limit, Page
from model.spec import Name
from worker.registry.datasets import AsyncDatasetRegistry

router = APIRouter(prefix="/datasets", tags=["datasets"])

Registry = Annotated[AsyncDatasetRegistry, from_app(AsyncDatasetRegistry)]

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
    *,
    uploads: Annotated[DatasetUploads, from_app(DatasetUploads)],
    caller: Caller,
    response: Response,
    name: Annotated[Name, Query(description="The dataset's name; neither datasets nor their names change.")],
    idempotency_key: IdempotencyKey = None,
) -> Dataset:
    """Import a zip of images; uploading the same bytes again returns the same dataset."""
    dataset = await uploads.receive(request, name, caller, idempotency_key)
    response.headers["Location"] = f"{request.scope.get('root_path', '')}/datasets/{dataset.facts.id}"
    return Dataset.registered(dataset)


@router.get("", operation_id="list_datasets", summary="All datasets", responses=problems(404))
async def list_datasets(datasets: Registry, limit: Limit = 20, after: After = "") -> Page[Dataset]:
    """The uploaded datasets, newest first, then the built-in ones."""
    return await list_page(datasets, limit, after)


@router.get("/{ref}", operation_id="get_dataset", summary="One dataset", responses=problems(404))
async def get_dataset(datasets: Registry, ref: str) -> Dataset:
    """The dataset with this id or name."""
    return await find_dataset(datasets, ref)
