"""Imports a zip in a child process with limited memory and time, so that a hostile zip cannot harm the API."""

import asyncio
import json
import os
import resource
import signal
import sys
from contextlib import suppress
from typing import IO

from model.data.record import DatasetRecord
from model.errors import (
    DatasetRejectedError,
    ModelError,
    ObjectExistsError,
    StorageError,
    UnexpectedDatasetError,
)
from model.storage.interface import Storage

MAX_IMPORTS = 2
_MEMORY_BYTES = 4 * 2**30
_OTHER_ERRORS: dict[str, type[ModelError]] = {
    kind.code: kind for kind in (StorageError, ObjectExistsError, UnexpectedDatasetError)
}
"""Errors that an import reports by code although the zip is not at fault."""


class ImportProcess:
    """Runs `python -m model import-dataset`, `MAX_IMPORTS` at a time; further imports wait."""

    def __init__(self, storage: Storage, storage_url: str, timeout_s: float) -> None:
        self._storage = storage
        self._storage_url = storage_url
        self._timeout_s = timeout_s
        self._free_slots = asyncio.Semaphore(MAX_IMPORTS)

    async def run(self, file: IO[bytes], name: str, expected_id: str | None) -> DatasetRecord:
        """Import the zip in `file`; cancelling this coroutine kills the process.

        Raises:
            DatasetRejectedError: the zip does not hold a valid dataset, or needs too much time or memory.
            UnexpectedDatasetError: the zip's dataset does not have the id `expected_id`; nothing is stored.
            StorageError: the dataset cannot be stored.
        """
        async with self._free_slots:
            process = await self._start(file, name, expected_id)
            try:
                async with asyncio.timeout(self._timeout_s):
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
        return _read_output(output)

    async def _start(self, file: IO[bytes], name: str, expected_id: str | None) -> asyncio.subprocess.Process:
        source = f"/dev/fd/{file.fileno()}"
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "model", "import-dataset"),
            *("--source", source, "--storage", self._storage_url, "--name", name),
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


async def _output_of(process: asyncio.subprocess.Process) -> bytes:
    """Read the whole output. Not by `communicate`, which closes stdin: the child exits when stdin closes."""
    assert process.stdout is not None  # noqa: S101  # `_start` asks for a pipe
    return await process.stdout.read()


def _read_output(output: bytes) -> DatasetRecord:
    try:
        answer = json.loads(output.splitlines()[-1])
    except (IndexError, ValueError):
        raise DatasetRejectedError(
            "The zip could not be read within this service's memory limit: split it, or use smaller images."
        ) from None
    if "dataset" in answer:
        return DatasetRecord.model_validate(answer["dataset"])
    code, message = answer["error"]["code"], answer["error"]["message"]
    raise _OTHER_ERRORS.get(code, DatasetRejectedError)(message)
