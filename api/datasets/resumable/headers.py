"""The headers of the tus protocol: read from requests, and written into answers."""

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from pydantic import BaseModel, Field, ValidationError
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.datasets.errors import TUS_VERSION, TusVersionError
from api.datasets.options import Note
from api.http.errors import invalid_field, invalid_fields, validation_error
from model.data.import_options import ImportOptions
from model.spec import Name
from worker.queue.calls.uploads import UploadRecord, UploadState

EXTENSIONS = "creation,creation-defer-length,termination,expiration"
PART_TYPE = "application/offset+octet-stream"
REQUEST_HEADERS = (
    "Tus-Resumable",
    "Upload-Length",
    "Upload-Defer-Length",
    "Upload-Metadata",
    "Upload-Offset",
)
RESPONSE_HEADERS = (
    *("Tus-Resumable", "Tus-Version", "Tus-Extension", "Tus-Max-Size"),
    *("Upload-Offset", "Upload-Length", "Upload-Defer-Length", "Upload-Metadata", "Upload-Expires"),
)
_MAX_DIGITS = 15
_MAX_METADATA_BYTES = 8192
_MAX_REF_CHARACTERS = 200
_OF_CLIENTS = frozenset({"filename", "filetype", "type", "contentType", "relativePath"})
"""What clients such as Uppy add to the metadata of every file; it is ignored."""


class _Said(BaseModel):
    """What the metadata says beside the options of the import."""

    name: Name = ""
    parent: str | None = Field(default=None, max_length=_MAX_REF_CHARACTERS)
    note: Note | None = None


class TusHeader:
    """Middleware that puts Tus-Resumable into every answer about uploads, errors included."""

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self._app = app
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""

        async def send_with_header(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Tus-Resumable"] = TUS_VERSION
            await send(message)

        is_tus = scope["type"] == "http" and self._prefix in scope["path"]
        await self._app(scope, receive, send_with_header if is_tus else send)


def check_version(headers: Headers) -> None:
    """Raise TusVersionError unless the request speaks version 1.0.0."""
    if headers.get("tus-resumable") != TUS_VERSION:
        raise TusVersionError


def read_offset(headers: Headers) -> int:
    """Return the place in the upload at which a part begins."""
    offset = read_number(headers, "Upload-Offset")
    if offset is None:
        raise invalid_field(
            "Upload-Offset", "Say how many bytes have been sent before: HEAD tells how many arrived."
        )
    return offset


def read_number(headers: Headers, name: str) -> int | None:
    """Return a number of bytes; None if the header is not given."""
    text = headers.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > _MAX_DIGITS:
        raise invalid_field(name, "This is not a number of bytes.")
    return int(text)


def read_length(headers: Headers) -> int | None:
    """Return the length of a new upload; None if the client will say it later."""
    length, deferred = read_number(headers, "Upload-Length"), headers.get("upload-defer-length")
    if (length is None) == (deferred is None) or deferred not in (None, "1"):
        raise invalid_field("Upload-Length", "Send either Upload-Length, or Upload-Defer-Length: 1.")
    return length


def read_record(headers: Headers, created_by: str) -> UploadRecord:
    """Return what Upload-Metadata says: the name of a new dataset, or a dataset to add to, and the options of the import."""
    text = headers.get("upload-metadata", "")
    if len(text) > _MAX_METADATA_BYTES:
        raise invalid_field("Upload-Metadata", f"At most {_MAX_METADATA_BYTES} bytes are allowed.")
    values = _decode(text)
    known = {*_Said.model_fields, *ImportOptions.model_fields}
    if unknown := set(values) - known - _OF_CLIENTS:
        listed = ", ".join(sorted(known))
        raise invalid_fields(sorted(unknown), f"There is no such field: Upload-Metadata may hold {listed}.")
    if ("name" in values) == ("parent" in values):
        raise invalid_field(
            "Upload-Metadata",
            "It must hold the dataset's name: `name` and the name in base64; or, to add images to a dataset, its name or id as "
            "`parent`.",
        )
    if "note" in values and "parent" not in values:
        raise invalid_field("note", "Only the next version of a dataset, `parent`, has a note.")
    try:
        return UploadRecord(
            **_Said.model_validate(_only(_Said, values)).model_dump(),
            options=ImportOptions.model_validate(_only(ImportOptions, values)),
            created_by=created_by,
            metadata=text,
        )
    except ValidationError as error:
        raise validation_error([dict(detail) for detail in error.errors(include_url=False)]) from None


def _only(model: type[BaseModel], values: Mapping[str, str]) -> dict[str, str]:
    """Return the values of the fields of a model."""
    return {key: value for key, value in values.items() if key in model.model_fields}


def _decode(text: str) -> dict[str, str]:
    values = {}
    for entry in filter(None, map(str.strip, text.split(","))):
        key, _, value = entry.partition(" ")
        try:
            values[key] = base64.b64decode(value.strip(), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise invalid_field(
                "Upload-Metadata", "Write each entry as a key, a space and a base64 value."
            ) from None
    return values


def expires_at(state: UploadState) -> datetime:
    """Return when an upload expires."""
    return datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=state.expires_in_s)


def headers_of(state: UploadState, root_path: str) -> dict[str, str]:
    """Return the headers that describe an upload; Location is that of the dataset, once all has arrived."""
    headers = {
        "Cache-Control": "no-store",
        "Upload-Offset": str(state.offset),
        "Upload-Expires": format_datetime(expires_at(state), usegmt=True),
    }
    if state.length is None:
        headers["Upload-Defer-Length"] = "1"
    else:
        headers["Upload-Length"] = str(state.length)
    if state.record.metadata:
        headers["Upload-Metadata"] = state.record.metadata
    if state.dataset_id:
        headers["Location"] = f"{root_path}/datasets/{state.dataset_id}"
    return headers
