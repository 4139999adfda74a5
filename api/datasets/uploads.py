"""Receives a dataset's zip into storage and queues its import. Never opens the zip."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from starlette.requests import Request

from api.datasets.errors import EmptyUploadError, NotAZipError, UploadsBusyError
from api.datasets.upload_file import UploadFile
from api.http.bodies import content_type
from api.http.callers import Principal
from api.http.errors import BodyTimeoutError, BodyTooLargeError, UnsupportedMediaTypeError
from api.records.storage_calls import StorageHangsError
from api.records.storage_space import StorageSpace
from api.records.storages import Storages
from api.records.wake_up_throttle import WakeUpThrottle
from model.data.built_in import BUILT_IN
from model.data.files.other_archives import describe_archive
from model.data.import_options import ImportOptions
from model.host.failpoints import Failpoint, reach
from model.storage.interface import Storage
from worker.errors import (
    DatasetNameTakenError,
    StoreRefusedError,
    StoreUnavailableError,
    WorkerError,
)
from worker.queue.calls.imports import NewImport
from worker.queue.ids import new_import_id, upload_key
from worker.queue.kinds import Lane
from worker.queue.records import DatasetImport
from worker.queue.store import AsyncJobStore

_CHUNK_TIMEOUT_S = 60.0
_BUFFER_BYTES = 1 << 20
_WRITE_TIMEOUT_S = 30.0
"""Time for a write, which includes that of 64 MiB to the disk now and then."""
_SLOWEST_PUT_BYTES_PER_S = 1_000_000
_ZIP_SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")
_TYPES = {
    "",
    "application/zip",
    "application/x-zip-compressed",
    "application/octet-stream",
    "application/x-www-form-urlencoded",  # curl --data-binary sends this type
}
_HINT = "Send the zip itself: curl --data-binary @photos.zip."


@dataclass(frozen=True)
class _Received:
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class UploadLimits:
    """What one API process accepts."""

    max_bytes: int
    """Of one zip."""
    max_uploads: int
    """At once."""
    max_queued: int
    """Imports in the queue."""
    timeout_s: float = 3600.0
    """Maximum time to receive a zip."""


class DatasetUploads:
    """Receives zips, a limited number at a time."""

    def __init__(
        self,
        store: AsyncJobStore,
        storages: Storages,
        space: StorageSpace,
        wake_ups: WakeUpThrottle,
        limits: UploadLimits,
    ) -> None:
        self._store = store
        self._storages = storages
        self._space = space
        self._wake_ups = wake_ups
        self._limits = limits
        self._uploads = 0

    async def receive(
        self,
        request: Request,
        name: str,
        options: ImportOptions,
        caller: Principal,
        idempotency_key: str | None,
    ) -> DatasetImport:
        """Read the zip from the request into storage and queue its import under `name`.

        The import no longer depends on the client once this returns. A body that is cut short leaves nothing.

        Raises:
            ApiError: the body is not a zip, too large or too slow, or too many uploads are under way.
            StorageFullError: storage has too little room for new datasets.
            StorageHangsError: storage does not answer.
            DatasetNameTakenError: the name is that of a built-in dataset, or another upload is imported under it.
            IdempotencyMismatchError: the key was used with another name or other bytes.
            ClientDisconnect: the client disconnected before the body was complete.
        """
        await self._space.require()
        _check_type(request)
        if name in BUILT_IN:
            raise DatasetNameTakenError(name)
        import_id, storage = new_import_id(), self._storages.of(caller.project)
        with self._one_of_max_uploads():
            received = await self._store_body(request, storage, upload_key(import_id))
        reach(Failpoint.SUBMIT_RESOLVED)
        new = NewImport(
            import_id, name, received.size_bytes, received.sha256, caller.name, caller.project, options
        )
        return await self._submit(new, storage, idempotency_key)

    async def _submit(self, new: NewImport, storage: Storage, idempotency_key: str | None) -> DatasetImport:
        try:
            submitted = await self._store.submit_import(
                new, idempotency_key, queue_limit=self._limits.max_queued
            )
        except WorkerError as error:
            # Without an answer the import may be queued: gc deletes the upload if it is not.
            if not isinstance(error, StoreUnavailableError) or isinstance(error, StoreRefusedError):
                await self._storages.run(storage.delete, upload_key(new.import_id))
            raise
        reach(Failpoint.SUBMIT_RECORDED)
        if submitted.is_replay:
            if submitted.dataset_import.id != new.import_id:
                await self._storages.run(storage.delete, upload_key(new.import_id))
        else:
            self._wake_ups.request(Lane.LIGHT)
            reach(Failpoint.SUBMIT_WAKE_UP_SENT)
        return submitted.dataset_import

    @contextmanager
    def _one_of_max_uploads(self) -> Iterator[None]:
        if self._uploads >= self._limits.max_uploads:
            raise UploadsBusyError(self._limits.max_uploads)
        self._uploads += 1
        try:
            yield
        finally:
            self._uploads -= 1

    async def _store_body(self, request: Request, storage: Storage, key: str) -> _Received:
        """Write the body into a file, then make the file an object; without the object the file is removed."""
        file, is_hanging = UploadFile(storage, key), False
        try:
            await self._storages.run(file.open)
            await self._write_body(request, file)
            await self._storages.run_within(_put_timeout_s(file.size_bytes), file.publish)
        except StorageHangsError:
            is_hanging = (
                True  # what is left is removed at the next start of a process of this host, or after a day
            )
            raise
        finally:
            if not is_hanging:
                await self._storages.run(file.close)
        return _Received(file.size_bytes, file.sha256)

    async def _write_body(self, request: Request, file: UploadFile) -> None:
        if int(request.headers.get("content-length", 0)) > self._limits.max_bytes:
            raise self._too_large()
        size, buffer = 0, bytearray()
        chunks, deadline = request.stream(), time.monotonic() + self._limits.timeout_s
        while (chunk := await _next_chunk(chunks, deadline)) is not None:
            size += len(chunk)
            buffer += chunk
            if size > self._limits.max_bytes:
                raise self._too_large()
            if len(buffer) >= _BUFFER_BYTES:
                _check_signature(size - len(buffer), buffer)
                await self._storages.run_within(_WRITE_TIMEOUT_S, file.write, buffer)
                buffer = bytearray()
        _check_signature(size - len(buffer), buffer)
        await self._storages.run_within(_WRITE_TIMEOUT_S, file.write, buffer)

    def _too_large(self) -> BodyTooLargeError:
        return BodyTooLargeError(
            f"A dataset's zip may have {self._limits.max_bytes} bytes at most: use smaller images, or raise "
            "NINEFOLD_MAX_DATASET_BYTES."
        )


def _put_timeout_s(size_bytes: int) -> float:
    return _WRITE_TIMEOUT_S + size_bytes / _SLOWEST_PUT_BYTES_PER_S


async def _next_chunk(chunks: AsyncIterator[bytes], deadline: float) -> bytes | None:
    try:
        async with asyncio.timeout(min(_CHUNK_TIMEOUT_S, deadline - time.monotonic())):
            return await anext(chunks, None)
    except TimeoutError:
        raise BodyTimeoutError(
            f"No data arrived for {_CHUNK_TIMEOUT_S:g} s, or the whole upload was too slow: send the zip again."
        ) from None


def _check_type(request: Request) -> None:
    if content_type(request) not in _TYPES:
        raise UnsupportedMediaTypeError(_HINT)


def _check_signature(bytes_before: int, chunk: bytes | bytearray) -> None:
    """Check that the first chunk of an upload starts like a zip."""
    if bytes_before:
        return
    if not chunk:
        raise EmptyUploadError(f"The body is empty. {_HINT}")
    if not chunk.startswith(_ZIP_SIGNATURES):
        raise NotAZipError(describe_archive(chunk) or f"These bytes are not a zip. {_HINT}")
