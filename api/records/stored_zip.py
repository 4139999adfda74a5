"""Receives the zip in the body of a request into storage. Never opens the zip."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from starlette.requests import Request

from api.http.errors import BodyTooLargeError
from api.records.storage_calls import StorageHangsError
from api.records.storages import Storages
from api.records.upload_file import WRITE_TIMEOUT_S, UploadFile, put_timeout_s
from api.records.zip_body import check_signature, read_buffers
from model.storage.interface import Storage

ZIP_TYPES = {
    "",
    "application/zip",
    "application/x-zip-compressed",
    "application/octet-stream",
    "application/x-www-form-urlencoded",  # curl --data-binary sends this type
}


@dataclass(frozen=True)
class StoredZip:
    """What was received."""

    size_bytes: int
    sha256: str


async def zip_chunks(
    request: Request, max_bytes: int, timeout_s: float, *, hint: str, too_large: BodyTooLargeError
) -> AsyncIterator[bytearray]:
    """Yield the body of a request in pieces.

    Args:
        request: whose body is read.
        max_bytes: of the body.
        timeout_s: maximum time to receive it.
        hint: what to send, for the error.
        too_large: the error for a larger body.

    Raises:
        ApiError: the body is not a zip, too large or too slow.
        ClientDisconnect: the client disconnected before the body was complete.
    """
    if int(request.headers.get("content-length", 0)) > max_bytes:
        raise too_large
    size = 0
    async for data in read_buffers(request, timeout_s):
        if size + len(data) > max_bytes:
            raise too_large
        if not size:
            check_signature(data, hint)
        size += len(data)
        yield data


async def store_zip(
    storages: Storages, storage: Storage, key: str, chunks: AsyncIterator[bytes | bytearray]
) -> StoredZip:
    """Write pieces into a file, then make the file an object; without the object the file is removed.

    Raises:
        StorageHangsError: storage does not answer.
    """
    file, is_hanging = UploadFile(storage, key), False
    try:
        await storages.run(file.open)
        async for data in chunks:
            await storages.run_within(WRITE_TIMEOUT_S, file.write, data)
        await storages.run_within(put_timeout_s(file.size_bytes), file.publish)
    except StorageHangsError:
        is_hanging = (
            True  # what is left is removed at the next start of a process of this host, or after a day
        )
        raise
    finally:
        if not is_hanging:
            await storages.run(file.close)
    return StoredZip(file.size_bytes, file.sha256)
