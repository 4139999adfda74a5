"""/uploads: a dataset's zip in parts, by the tus protocol."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from api.datasets.errors import TUS_VERSION
from api.datasets.resumable import headers as tus
from api.datasets.resumable.schemas import Upload
from api.datasets.resumable.uploads import ResumableUploads
from api.http.bodies import content_type
from api.http.callers import Caller, IdempotencyKey
from api.http.dependencies import from_app
from api.http.errors import UnsupportedMediaTypeError
from api.http.links import root_path
from api.http.openapi import problems

PREFIX = "/uploads"
router = APIRouter(prefix=PREFIX, tags=["datasets"])

Uploads = Annotated[ResumableUploads, from_app(ResumableUploads)]


async def _check_version(request: Request) -> None:
    tus.check_version(request.headers)


_SPEAKS_TUS = [Depends(_check_version)]


def _header(name: str, description: str, *, required: bool = False) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "required": required,
        "description": description,
        "schema": {"type": "string"},
    }


_VERSION = _header("Tus-Resumable", TUS_VERSION, required=True)
_LENGTH = _header("Upload-Length", "Number of bytes of the whole zip.")
_CREATION = {
    "parameters": [
        _VERSION,
        _LENGTH,
        _header("Upload-Defer-Length", "1: the length is said later."),
        _header(
            "Upload-Metadata",
            "`name` and the dataset's name in base64, or `parent` and the dataset to whose next version the images are added, with "
            "a `note`; after commas the options of `POST /datasets` likewise.",
            required=True,
        ),
    ]
}
_PART = {
    "parameters": [
        _VERSION,
        _header("Upload-Offset", "Number of bytes that have arrived before.", required=True),
        _LENGTH,
    ],
    "requestBody": {
        "required": True,
        "content": {tus.PART_TYPE: {"schema": {"type": "string", "format": "binary"}}},
    },
}


@router.options("", operation_id="describe_uploads", summary="What is spoken here", status_code=204)
async def describe_uploads(uploads: Uploads) -> Response:
    """The version and the extensions of the tus protocol, and the largest upload."""
    headers = {
        "Tus-Version": TUS_VERSION,
        "Tus-Extension": tus.EXTENSIONS,
        "Tus-Max-Size": str(uploads.max_bytes),
    }
    return Response(status_code=204, headers=headers)


@router.post(
    "",
    operation_id="create_upload",
    summary="Begin an upload in parts",
    status_code=201,
    dependencies=_SPEAKS_TUS,
    responses=problems(404, 409, 412, 413),
    openapi_extra=_CREATION,
)
async def create_upload(
    request: Request,
    response: Response,
    uploads: Uploads,
    caller: Caller,
    idempotency_key: IdempotencyKey = None,
) -> Upload:
    """Begin an upload, to which Location then takes the parts. It expires a day after its last part."""
    record, length = tus.read_record(request.headers, caller.name), tus.read_length(request.headers)
    state = await uploads.create(record, length, caller.project, idempotency_key)
    response.headers.update(tus.headers_of(state, root_path(request)))
    response.headers["Location"] = f"{root_path(request)}{PREFIX}/{state.id}"
    return Upload.of(state)


@router.get(
    "/{upload_id}",
    operation_id="get_upload",
    summary="How far an upload is",
    responses=problems(404, 409),
)
async def get_upload(
    request: Request, response: Response, uploads: Uploads, caller: Caller, upload_id: str
) -> Upload:
    """How many bytes have arrived, also in the headers (HEAD); and the dataset, once all have."""
    state = await uploads.state(upload_id, caller.project)
    response.headers.update(tus.headers_of(state, root_path(request)))
    return Upload.of(state)


@router.patch(
    "/{upload_id}",
    operation_id="append_to_upload",
    summary="Send the next part",
    status_code=204,
    dependencies=_SPEAKS_TUS,
    responses=problems(404, 408, 409, 412, 413, 415),
    openapi_extra=_PART,
)
async def append_to_upload(request: Request, uploads: Uploads, caller: Caller, upload_id: str) -> Response:
    """Append bytes. After the last ones the import is queued, and Location is its dataset."""
    if content_type(request) != tus.PART_TYPE:
        raise UnsupportedMediaTypeError(f"Send the bytes of a part with Content-Type: {tus.PART_TYPE}.")
    offset, length = tus.read_offset(request.headers), tus.read_number(request.headers, "Upload-Length")
    state = await uploads.append(request, upload_id, offset, length, caller.project)
    return Response(status_code=204, headers=tus.headers_of(state, root_path(request)))


@router.delete(
    "/{upload_id}",
    operation_id="delete_upload",
    summary="End an upload",
    status_code=204,
    dependencies=_SPEAKS_TUS,
    responses=problems(404, 412),
)
async def delete_upload(uploads: Uploads, caller: Caller, upload_id: str) -> Response:
    """End an upload and delete its parts. A dataset that is made of it stays."""
    await uploads.end(upload_id, caller.project)
    return Response(status_code=204)
