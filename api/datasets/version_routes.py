"""/datasets/{ref}/versions and /archive: list the versions of a dataset, make the next one, download one."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from api.datasets.archives import DatasetArchives
from api.datasets.options import Note, import_options
from api.datasets.routes import BINARY, CREATED, Catalogue, WaitS, answer_import
from api.datasets.versions import DatasetVersions, NewVersion
from api.http.callers import Caller, IdempotencyKey
from api.http.dependencies import from_app
from api.http.openapi import problems
from api.http.pages import After, Limit, Page
from api.records.dataset_schema import Dataset
from model.data.import_options import ImportOptions

router = APIRouter(prefix="/datasets", tags=["datasets"])

_EXAMPLE = {
    "relabel": [{"image": "img_0f6e2c1b9a8d7c6b5a493827", "class": "dog"}],
    "remove": ["img_a1b2c3d4e5f60718293a4b5c"],
    "note": "two mistakes",
}
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "Corrections as JSON; or a zip of images to add, laid out as for POST /datasets, in which a file "
        "ninefold-corrections.json may hold corrections.",
        "content": {
            "application/json": {
                "schema": {"$ref": f"#/components/schemas/{NewVersion.__name__}"},
                "example": _EXAMPLE,
            },
            "application/zip": BINARY,
        },
    }
}


@router.post(
    "/{ref}/versions",
    operation_id="create_dataset_version",
    summary="Make the next version of a dataset",
    status_code=202,
    responses={**CREATED, **problems(404, 408, 409, 413, 415)},
    openapi_extra=_BODY,
)
async def create_dataset_version(
    request: Request,
    *,
    versions: Annotated[DatasetVersions, from_app(DatasetVersions)],
    datasets: Catalogue,
    caller: Caller,
    response: Response,
    ref: str,
    options: Annotated[ImportOptions, Depends(import_options)],
    note: Annotated[Note | None, Query(description="What you say of this version.")] = None,
    wait_s: WaitS = 0,
    idempotency_key: IdempotencyKey = None,
) -> Dataset:
    """Queue corrections, or images to add, or both; the version has the dataset's name and the next number.

    Every image stays in its split. The dataset itself stays as it is: `name@1` goes on naming the first version.
    """
    accepted = await versions.receive(
        request, ref, caller, note=note, options=options, idempotency_key=idempotency_key
    )
    return await answer_import(request, response, datasets, accepted.id, caller=caller, wait_s=wait_s)


@router.get(
    "/{ref}/versions",
    operation_id="list_dataset_versions",
    summary="All versions of a dataset",
    responses=problems(404),
)
async def list_dataset_versions(
    datasets: Catalogue, caller: Caller, ref: str, limit: Limit = 20, after: After = ""
) -> Page[Dataset]:
    """The versions of a name, the latest first; `after` is the id of a version."""
    return await datasets.versions(ref, caller.project, limit, after)


@router.get(
    "/{ref}/archive",
    operation_id="download_dataset",
    summary="Download a dataset",
    response_class=Response,
    responses={
        200: {
            "description": "A zip: train/ and test/ with a folder for each class, images.csv, and croissant.json, which describes "
            "them as Croissant 1.0.",
            "content": {"application/zip": BINARY},
        },
        **problems(404, 409),
    },
)
async def download_dataset(
    archives: Annotated[DatasetArchives, from_app(DatasetArchives)], caller: Caller, ref: str
) -> Response:
    """All images of a dataset in their splits; the same zip, added again, is the same dataset."""
    return await archives.response(ref, caller.project)
