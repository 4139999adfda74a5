"""/datasets: upload, list, read, cancel and delete datasets."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from api.datasets.deletion import DatasetDeletion
from api.datasets.errors import RejectedError
from api.datasets.options import import_options, require_name
from api.datasets.sources import SourceImports, SourceRequest
from api.datasets.uploads import DatasetUploads
from api.http.bodies import content_type
from api.http.callers import Caller, IdempotencyKey, Principal
from api.http.dependencies import from_app
from api.http.disconnect import read_waiting
from api.http.links import root_path
from api.http.openapi import problems
from api.http.pages import After, Limit, Page
from api.records.dataset_schema import Dataset, DatasetStatus
from api.records.datasets import DatasetCatalogue
from model.data.import_options import ImportOptions
from model.spec import Name

router = APIRouter(prefix="/datasets", tags=["datasets"])

Catalogue = Annotated[DatasetCatalogue, from_app(DatasetCatalogue)]
WaitS = Annotated[
    float, Query(ge=0, le=60, description="Seconds to wait until the dataset is no longer processing.")
]

BINARY = {"schema": {"type": "string", "format": "binary"}}
_ZIP: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "A folder per class, optionally under train/ and test/ (or val/), or images with a table of their classes.",
        "content": {
            "application/zip": BINARY,
            "application/octet-stream": BINARY,
            "application/json": {
                "schema": {"$ref": f"#/components/schemas/{SourceRequest.__name__}"},
                "examples": {"source": {"value": {"name": "photos", "source": "s3://bucket/photos"}}},
            },
        },
    }
}
CREATED: dict[int | str, dict[str, Any]] = {
    201: {"model": Dataset, "description": "With wait_s: the dataset is ready."}
}

_REMOVED: dict[int | str, dict[str, Any]] = {
    204: {
        "description": "The dataset is deleted; or its import was rejected or cancelled before, and is no longer listed."
    }
}


@router.post(
    "",
    operation_id="create_dataset",
    summary="Upload images",
    status_code=202,
    responses={**CREATED, **problems(408, 409, 413, 415)},
    openapi_extra=_ZIP,
)
async def create_dataset(
    request: Request,
    *,
    uploads: Annotated[DatasetUploads, from_app(DatasetUploads)],
    sources: Annotated[SourceImports, from_app(SourceImports)],
    datasets: Catalogue,
    caller: Caller,
    response: Response,
    name: Annotated[
        Name | None, Query(description="The dataset's name; neither datasets nor their names change.")
    ] = None,
    options: Annotated[ImportOptions, Depends(import_options)],
    wait_s: WaitS = 0,
    idempotency_key: IdempotencyKey = None,
) -> Dataset:
    """Store a zip of images and queue its import, which a worker runs; the client may go away once the body was sent.

    A JSON body names a source from which the worker reads the images itself.
    """
    if content_type(request) == "application/json":
        accepted = await sources.receive(request, caller, idempotency_key)
    else:
        accepted = await uploads.receive(request, require_name(name), options, caller, idempotency_key)
    return await answer_import(request, response, datasets, accepted.id, caller=caller, wait_s=wait_s)


@router.get("", operation_id="list_datasets", summary="All datasets", responses=problems(404))
async def list_datasets(
    datasets: Catalogue, caller: Caller, limit: Limit = 20, after: After = ""
) -> Page[Dataset]:
    """The datasets being imported, then the uploaded ones, each newest first, then the built-in ones."""
    return await datasets.page(caller.project, limit, after)


@router.get("/{ref}", operation_id="get_dataset", summary="One dataset", responses=problems(404))
async def get_dataset(
    request: Request, datasets: Catalogue, caller: Caller, ref: str, wait_s: WaitS = 0
) -> Dataset:
    """The dataset with this id or name; with wait_s, as soon as it is no longer processing."""
    return await _find(request, datasets, ref, caller, wait_s)


@router.delete(
    "/{ref}",
    operation_id="delete_dataset",
    summary="Delete a dataset, or cancel its import",
    response_model=Dataset,
    responses={**_REMOVED, **problems(404, 409)},
)
async def delete_dataset(
    deletion: Annotated[DatasetDeletion, from_app(DatasetDeletion)], caller: Caller, ref: str
) -> Dataset | Response:
    """Delete a ready dataset that no job and no import needs any more; models that were trained on it stay.

    The name then finds its latest other version. The import of a dataset that is processing is cancelled: at once when it
    is queued, within seconds when it runs. A rejected or cancelled import is removed from the list.
    """
    return await deletion.cancel_or_delete(ref, caller.project) or Response(status_code=204)


async def answer_import(
    request: Request,
    response: Response,
    datasets: DatasetCatalogue,
    import_id: str,
    *,
    caller: Principal,
    wait_s: float,
) -> Dataset:
    """Return the dataset of an import that was accepted, after `wait_s` at most; set status and Location of the response.

    Raises:
        RejectedError: it was rejected while the client waited.
    """
    dataset = await _find(request, datasets, import_id, caller, wait_s)
    response.headers["Location"] = f"{root_path(request)}/datasets/{dataset.id}"
    if wait_s and dataset.status is DatasetStatus.REJECTED and dataset.error:
        raise RejectedError(dataset.error)
    response.status_code = 201 if dataset.status is DatasetStatus.READY else 202
    return dataset


async def _find(
    request: Request, datasets: DatasetCatalogue, ref: str, caller: Principal, wait_s: float
) -> Dataset:
    """Find a dataset, and wait as long as the client is connected."""
    return await read_waiting(request, datasets.find(ref, caller.project, wait_s), wait_s)
