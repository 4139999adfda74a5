"""Uploads that arrive in parts, over several requests: what has arrived of each. The bytes are in storage."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, TypeAdapter

from model.data.import_options import NO_OPTIONS, ImportOptions
from worker.queue.calls.requests import Idempotency
from worker.queue.scripts import QUEUE_SCRIPTS
from worker.redis_server.idempotency import IDEMPOTENCY_KEPT_S, idempotency_id
from worker.redis_server.projects import DEFAULT_PROJECT
from worker.redis_server.scripts import Reply, ScriptCall

KEPT_S = 23 * 3600
"""An upload expires this long after its last part; less than a day, after which garbage collection deletes the parts."""
MAX_PARTS = 20_000


class UploadRecord(BaseModel):
    """What the owner said when the upload began."""

    model_config = ConfigDict(frozen=True)

    name: str
    """Of the dataset."""
    options: ImportOptions = NO_OPTIONS
    created_by: str | None = None
    parent: str | None = None
    """The id of the dataset to whose next version the images are added; an earlier release adds a dataset instead."""
    note: str | None = None
    """Of that version."""
    metadata: str = ""
    """As the client wrote it."""


class UploadPart(BaseModel):
    """A part that has arrived: an object in storage."""

    model_config = ConfigDict(frozen=True)

    key: str
    size_bytes: int
    sha256: str


PARTS: TypeAdapter[list[UploadPart]] = TypeAdapter(list[UploadPart])


def parts_list_key(folder: str) -> str:
    """Return the key of the list of a complete upload's parts, in their folder."""
    return f"{folder}/parts.json"


@dataclass(frozen=True)
class UploadState:
    """An upload and how far it is."""

    id: str
    record: UploadRecord
    offset: int
    """Number of bytes that have arrived."""
    length: int | None
    """Of the whole upload; None while the client has not said it."""
    dataset_id: str | None
    """The import that was made of the whole upload."""
    expires_in_s: int
    parts: Sequence[UploadPart] = ()

    @property
    def is_complete(self) -> bool:
        """Whether all bytes have arrived."""
        return self.offset == self.length


def create_upload(
    upload_id: str,
    record: UploadRecord,
    length: int | None,
    project: str = DEFAULT_PROJECT,
    idempotency_key: str | None = None,
) -> ScriptCall[str]:
    """Begin an upload, and return its id: that of the first upload for the same Idempotency-Key.

    Raises:
        IdempotencyMismatchError: the key was used for another upload.
    """
    text = record.model_dump_json()
    idempotency = Idempotency(idempotency_key, f"{text} {length}") if idempotency_key else None
    arguments = {
        "upload_id": upload_id,
        "project": project,
        "record": text,
        "length": "" if length is None else str(length),
        "kept_s": KEPT_S,
        "idempotency_id": idempotency_id("upload", project, record.created_by, idempotency_key),
        "body_hash": idempotency and idempotency.body_hash,
        "keep_s": IDEMPOTENCY_KEPT_S,
    }
    return QUEUE_SCRIPTS.call("uploads/create", arguments, lambda reply: reply[0])


def read_upload(upload_id: str, project: str = DEFAULT_PROJECT) -> ScriptCall[UploadState]:
    """Read an upload and its parts.

    Raises:
        UploadNotFoundError: it is unknown or has expired.
    """

    def read(reply: Reply) -> UploadState:
        record, offset, length, dataset_id, expires_in_s, *parts = reply
        return UploadState(
            upload_id,
            UploadRecord.model_validate_json(record),
            int(offset),
            int(length) if length else None,
            dataset_id or None,
            int(expires_in_s),
            PARTS.validate_json(f"[{','.join(parts)}]"),
        )

    return QUEUE_SCRIPTS.call("uploads/read", {"upload_id": upload_id, "project": project}, read)


def append_part(
    upload_id: str,
    offset: int,
    part: UploadPart | None,
    *,
    length: int | None = None,
    project: str = DEFAULT_PROJECT,
) -> ScriptCall[int]:
    """Count a part that is in storage, and return the new offset; of two parts for one place, the first counts.

    Args:
        upload_id: the upload.
        offset: number of bytes before the part.
        part: the part; None to say the length alone.
        length: of the whole upload, if the client says it only now.
        project: the project of the upload.

    Raises:
        UploadNotFoundError: the upload is unknown or has expired.
        WrongOffsetError: other parts have arrived, or the upload has another length.
        TooManyPartsError: the upload has `MAX_PARTS` parts already.
    """
    arguments = {
        "upload_id": upload_id,
        "project": project,
        "offset": offset,
        "size_bytes": part.size_bytes if part else 0,
        "part": part and part.model_dump_json(),
        "length": length,
        "max_parts": MAX_PARTS,
        "kept_s": KEPT_S,
    }
    return QUEUE_SCRIPTS.call("uploads/append", arguments, lambda reply: int(reply[0]))


def delete_upload(upload_id: str, project: str = DEFAULT_PROJECT) -> ScriptCall[bool]:
    """Forget an upload; return whether its parts are of no use any more: no import reads them.

    Raises:
        UploadNotFoundError: it is unknown or has expired.
    """
    arguments = {"upload_id": upload_id, "project": project}
    return QUEUE_SCRIPTS.call("uploads/delete", arguments, lambda reply: reply[0] == "")
