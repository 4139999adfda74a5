"""From an uploaded zip to a ready dataset; the zip is opened in a process of its own, never here."""

import asyncio
import json
import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

from starlette.requests import Request

from api.datasets.errors import EmptyUploadError, NotAZipError, UploadsBusyError
from api.http.bodies import content_type
from api.http.disconnect import while_connected
from api.http.errors import BodyTimeoutError, BodyTooLargeError, UnsupportedMediaTypeError
from api.services import Services
from model.data.record import DatasetRecord
from model.errors import (
    DatasetRejectedError,
    ModelError,
    ObjectExistsError,
    OtherDatasetError,
    StorageError,
)
from worker.errors import DatasetNameTakenError, IdempotencyMismatchError
from worker.registry.datasets import RegisteredDataset

IMPORTS_AT_ONCE = 2
UPLOADS_AT_ONCE = 8
"""Each may lie on the disk of the cache, as large as it is allowed to be."""
_MEMORY_BYTES = 4 * 2**30
_CHUNK_TIMEOUT_S = 60.0
_BUFFER_BYTES = 1 << 20
_ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06")
_TYPES = {
    "",
    "application/zip",
    "application/x-zip-compressed",
    "application/octet-stream",
    "application/x-www-form-urlencoded",  # what curl --data-binary sends
}
_FAILURES: dict[str, type[ModelError]] = {
    kind.code: kind for kind in (StorageError, ObjectExistsError, OtherDatasetError)
}
"""What else than the zip's own fault an import may report."""
_HINT = "Send the zip itself: curl --data-binary @photos.zip."


class DatasetUploads:
    """Takes zips, a few at a time."""

    def __init__(self, services: Services, *, timeout_s: float = 3600.0) -> None:
        self._settings = services.settings
        self._storage = services.storage
        self._datasets = services.datasets
        self._timeout_s = timeout_s
        self._turns = asyncio.Semaphore(IMPORTS_AT_ONCE)
        self._uploads = 0

    async def receive(
        self, request: Request, name: str, caller: str, idempotency_key: str | None
    ) -> RegisteredDataset:
        """Read the zip from the request, import it and enter it under its name.

        Raises:
            ApiError: the body is no zip, too large or too slow, or too many come at once.
            DatasetRejectedError: the zip cannot become a dataset.
            DatasetNameTakenError: the name is another dataset's; nothing is stored.
            IdempotencyMismatchError: the key came with another name or other bytes before; nothing is stored.
            ClientDisconnect: nobody waits any more; nothing is left behind.
        """
        _check_type(request)
        expected = await self._datasets.expect(name, caller, idempotency_key)
        with self._place(), self._temporary_file() as file:
            await self._store(request, file)
            try:
                record = await while_connected(request, self._import(file, name, expected.dataset_id))
            except OtherDatasetError:
                raise (
                    IdempotencyMismatchError() if expected.is_repeat else DatasetNameTakenError(name)
                ) from None
        return await self._datasets.add(record, caller, name, idempotency_key)

    @contextmanager
    def _place(self) -> Iterator[None]:
        if self._uploads >= UPLOADS_AT_ONCE:
            raise UploadsBusyError(UPLOADS_AT_ONCE)
        self._uploads += 1
        try:
            yield
        finally:
            self._uploads -= 1

    @contextmanager
    def _temporary_file(self) -> Iterator[IO[bytes]]:
        """A file without a name: it ends with us, however we end."""
        folder = self._settings.cache_dir / "uploads"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder) as file:
                yield file
        except OSError as error:
            raise StorageError(
                "The upload could not be kept: free some space in NINEFOLD_CACHE_DIR."
            ) from error

    async def _store(self, request: Request, file: IO[bytes]) -> None:
        limit = self._settings.max_dataset_bytes
        if int(request.headers.get("content-length", 0)) > limit:
            raise _too_large(limit)
        size, buffer = 0, bytearray()
        chunks, deadline = request.stream(), time.monotonic() + self._timeout_s
        while (chunk := await _next_chunk(chunks, deadline)) is not None:
            size += len(chunk)
            buffer += chunk
            if size > limit:
                raise _too_large(limit)
            if len(buffer) >= _BUFFER_BYTES:
                _check_start(size - len(buffer), buffer)
                await asyncio.to_thread(file.write, buffer)
                buffer = bytearray()
        _check_start(size - len(buffer), buffer)
        await asyncio.to_thread(file.write, buffer)
        await asyncio.to_thread(file.flush)

    async def _import(self, file: IO[bytes], name: str, expected_id: str | None) -> DatasetRecord:
        async with self._turns:
            process = await self._start(file, name, expected_id)
            try:
                async with asyncio.timeout(self._settings.import_timeout_s):
                    output = await _output_of(process)
            except TimeoutError:
                raise DatasetRejectedError(
                    "Reading the zip took too long: split it, or use smaller images."
                ) from None
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
                await asyncio.to_thread(self._storage.remove_unfinished, process.pid)
        return _read_answer(output)

    async def _start(self, file: IO[bytes], name: str, expected_id: str | None) -> asyncio.subprocess.Process:
        source = f"/dev/fd/{file.fileno()}"
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "model", "import-dataset"),
            *("--source", source, "--storage", self._settings.storage, "--name", name),
            *("--parent", str(os.getpid())),
            *(("--expect", expected_id) if expected_id else ()),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            pass_fds=(file.fileno(),),
            start_new_session=True,
        )
        with suppress(ProcessLookupError):
            resource.prlimit(process.pid, resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
        return process


def uploads_of(request: Request) -> DatasetUploads:
    """The app's own."""
    uploads: DatasetUploads = request.app.state.dataset_uploads
    return uploads


async def _output_of(process: asyncio.subprocess.Process) -> bytes:
    """All that it prints. Not by `communicate`, which closes the pipe that tells it that we live."""
    assert process.stdout is not None  # noqa: S101  # we asked for a pipe
    return await process.stdout.read()


async def _next_chunk(chunks: Any, deadline: float) -> bytes | None:
    try:
        async with asyncio.timeout(min(_CHUNK_TIMEOUT_S, deadline - time.monotonic())):
            chunk: bytes | None = await anext(chunks, None)
            return chunk
    except TimeoutError:
        raise BodyTimeoutError(
            f"Nothing came for {_CHUNK_TIMEOUT_S:g} s, or the whole was too slow: send the zip again.",
        ) from None


def _check_type(request: Request) -> None:
    if content_type(request) not in _TYPES:
        raise UnsupportedMediaTypeError(_HINT)


def _check_start(written: int, start: bytes | bytearray) -> None:
    if written:
        return
    if not start:
        raise EmptyUploadError(f"The body is empty. {_HINT}")
    if not start.startswith(_ZIP_STARTS):
        raise NotAZipError(f"These bytes are not a zip. {_HINT}")


def _too_large(limit: int) -> BodyTooLargeError:
    return BodyTooLargeError(
        f"A dataset's zip may have {limit} bytes at most: use smaller images, or ask for more.",
    )


def _read_answer(output: bytes) -> DatasetRecord:
    try:
        answer = json.loads(output.splitlines()[-1])
    except (IndexError, ValueError):
        raise DatasetRejectedError(
            "The zip could not be read within this service's limits of memory: split it, or use smaller images."
        ) from None
    if "dataset" in answer:
        return DatasetRecord.model_validate(answer["dataset"])
    code, message = answer["error"]["code"], answer["error"]["message"]
    raise _FAILURES.get(code, DatasetRejectedError)(message)
