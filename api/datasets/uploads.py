"""Receives a dataset's zip into a temporary file and imports it. Never opens the zip in this process."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from starlette.requests import Request

from api.datasets.errors import EmptyUploadError, NotAZipError, UploadsBusyError
from api.datasets.import_process import ImportProcess
from api.http.bodies import content_type
from api.http.disconnect import while_connected
from api.http.errors import BodyTimeoutError, BodyTooLargeError, UnsupportedMediaTypeError
from api.records.storage_space import StorageSpace
from model.errors import StorageError, UnexpectedDatasetError
from worker.errors import DatasetNameTakenError, IdempotencyMismatchError
from worker.registry.datasets import AsyncDatasetRegistry, RegisteredDataset

MAX_UPLOADS = 8
"""Most uploads at once. Each may occupy NINEFOLD_MAX_DATASET_BYTES in the cache folder."""
_CHUNK_TIMEOUT_S = 60.0
_BUFFER_BYTES = 1 << 20
_ZIP_SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")
_TYPES = {
    "",
    "application/zip",
    "application/x-zip-compressed",
    "application/octet-stream",
    "application/x-www-form-urlencoded",  # curl --data-binary sends this type
}
_HINT = "Send the zip itself: curl --data-binary @photos.zip."


class DatasetUploads:
    """Receives and imports zips, a limited number at a time.

    Args:
        cache_dir: folder for the temporary files of uploads.
        max_bytes: maximum size of a zip.
        timeout_s: maximum time to receive a zip.
    """

    def __init__(
        self,
        datasets: AsyncDatasetRegistry,
        importing: ImportProcess,
        space: StorageSpace,
        cache_dir: Path,
        *,
        max_bytes: int,
        timeout_s: float = 3600.0,
    ) -> None:
        self._datasets = datasets
        self._importing = importing
        self._space = space
        self._folder = cache_dir / "uploads"
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s
        self._uploads = 0

    async def receive(
        self, request: Request, name: str, caller: str, idempotency_key: str | None
    ) -> RegisteredDataset:
        """Read the zip from the request, import it and register the dataset under `name`.

        Raises:
            ApiError: the body is not a zip, too large or too slow, or too many uploads are under way.
            StorageFullError: storage has too little room for new datasets.
            DatasetRejectedError: the zip does not hold a valid dataset.
            DatasetNameTakenError: another dataset has this name; nothing is stored.
            IdempotencyMismatchError: the key was used with another name or other bytes; nothing is stored.
            ClientDisconnect: the client disconnected; nothing is stored.
        """
        await self._space.require()
        _check_type(request)
        expected = await self._datasets.expect(name, caller, idempotency_key)
        with self._one_of_max_uploads(), self._temporary_file() as file:
            await self._store(request, file)
            try:
                record = await while_connected(request, self._importing.run(file, name, expected.dataset_id))
            except UnexpectedDatasetError:
                raise (
                    IdempotencyMismatchError() if expected.is_repeat else DatasetNameTakenError(name)
                ) from None
        return await self._datasets.add(record, caller, name, idempotency_key)

    @contextmanager
    def _one_of_max_uploads(self) -> Iterator[None]:
        if self._uploads >= MAX_UPLOADS:
            raise UploadsBusyError(MAX_UPLOADS)
        self._uploads += 1
        try:
            yield
        finally:
            self._uploads -= 1

    @contextmanager
    def _temporary_file(self) -> Iterator[IO[bytes]]:
        """Open a file without a name, which the kernel deletes when this process ends, even by SIGKILL."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self._folder) as file:
                yield file
        except OSError as error:
            raise StorageError(
                "The upload could not be kept: free some space in NINEFOLD_CACHE_DIR."
            ) from error

    async def _store(self, request: Request, file: IO[bytes]) -> None:
        if int(request.headers.get("content-length", 0)) > self._max_bytes:
            raise self._too_large()
        size, buffer = 0, bytearray()
        chunks, deadline = request.stream(), time.monotonic() + self._timeout_s
        while (chunk := await _next_chunk(chunks, deadline)) is not None:
            size += len(chunk)
            buffer += chunk
            if size > self._max_bytes:
                raise self._too_large()
            if len(buffer) >= _BUFFER_BYTES:
                _check_signature(size - len(buffer), buffer)
                await asyncio.to_thread(file.write, buffer)
                buffer = bytearray()
        _check_signature(size - len(buffer), buffer)
        await asyncio.to_thread(file.write, buffer)
        await asyncio.to_thread(file.flush)

    def _too_large(self) -> BodyTooLargeError:
        return BodyTooLargeError(
            f"A dataset's zip may have {self._max_bytes} bytes at most: use smaller images, or raise "
            "NINEFOLD_MAX_DATASET_BYTES."
        )


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
        raise NotAZipError(f"These bytes are not a zip. {_HINT}")
