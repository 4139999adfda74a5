"""Writes the body of one request as parts of an upload. Knows no HTTP."""

import hashlib

from api.records.storages import Storages
from api.records.upload_file import WRITE_TIMEOUT_S, UploadFile, put_timeout_s
from model.host.failpoints import Failpoint, reach
from worker.errors import StoreUnavailableError, WorkerError
from worker.queue.calls.uploads import UploadPart
from worker.queue.ids import new_part_key
from worker.queue.store import AsyncJobStore

PART_BYTES = 64 << 20
"""A larger body becomes several parts, so that what has arrived of it outlives this process."""


class PartWriter:
    """The parts of one request, each an object in storage that counts once Redis knows it. Call `close` last."""

    def __init__(
        self,
        store: AsyncJobStore,
        storages: Storages,
        upload_id: str,
        offset: int,
        *,
        length: int | None,
        project: str,
        part_bytes: int = PART_BYTES,
    ) -> None:
        self._store = store
        self._storages = storages
        self._upload_id = upload_id
        self._length = length
        self._project = project
        self._part_bytes = part_bytes
        self._key = ""
        self._file: UploadFile | None = None
        self.offset = offset
        """Number of bytes of the upload that count."""
        self.end = offset
        """Number of bytes with those that were written and do not count yet."""

    async def write(self, data: bytes | bytearray) -> None:
        """Append bytes; they count at the latest after `keep`.

        Raises:
            WrongOffsetError: another request has sent this part.
            UploadNotFoundError: the upload was ended meanwhile.
        """
        if self._file is None:
            self._key = new_part_key(self._upload_id, self.offset)
            file = UploadFile(self._storages.of(self._project), self._key)
            await self._storages.run(file.open)
            self._file = file
        await self._storages.run_within(WRITE_TIMEOUT_S, self._file.write, data)
        self.end += len(data)
        if self._file.size_bytes >= self._part_bytes:
            await self.keep()

    async def keep(self) -> None:
        """Make what was written count; raises as `write` does."""
        file = self._file
        if file is None:
            return
        await self._storages.run_within(put_timeout_s(file.size_bytes), file.publish)
        part = UploadPart(key=self._key, size_bytes=file.size_bytes, sha256=file.sha256)
        reach(Failpoint.SUBMIT_RESOLVED)
        try:
            self.offset = await self._store.append_part(
                self._upload_id, self.offset, part, length=self._length, project=self._project
            )
        except WorkerError as error:
            if not isinstance(
                error, StoreUnavailableError
            ):  # else it may count: gc deletes it if it does not
                await self._storages.run(self._storages.of(self._project).delete, self._key)
            raise
        await self.close()

    async def close(self) -> None:
        """Remove the file; an object that was stored stays."""
        file, self._file = self._file, None
        if file is not None:
            await self._storages.run(file.close)


def fingerprint(parts: list[UploadPart]) -> str:
    """Return a hash of an upload's bytes; another one when the bytes were cut into other parts."""
    digest = hashlib.sha256(b"parts")
    for part in parts:
        digest.update(f" {part.size_bytes} {part.sha256}".encode())
    return digest.hexdigest()
