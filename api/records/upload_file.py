"""The file of an upload while it arrives. Every method blocks; knows no HTTP."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import BinaryIO

from model.errors import StorageError
from model.storage.interface import Storage

_SYNC_BYTES = 64 << 20
"""After this many bytes the disk is asked to write them, so that little is left to write when the body ends."""


WRITE_TIMEOUT_S = 30.0
"""Time for a write, which includes that of 64 MiB to the disk now and then."""
_SLOWEST_PUT_BYTES_PER_S = 1_000_000


def put_timeout_s(size_bytes: int) -> float:
    """Return the time that storing a file of this size may take."""
    return WRITE_TIMEOUT_S + size_bytes / _SLOWEST_PUT_BYTES_PER_S


class UploadFile:
    """A file in a working folder of the storage, which becomes the object `key`. Call `open` first and `close` last."""

    def __init__(self, storage: Storage, key: str) -> None:
        self._storage = storage
        self._key = key
        self._opened = ExitStack()
        self._digest = hashlib.sha256()
        self._unsynced_bytes = 0
        self.size_bytes = 0
        """Of what was written."""

    @property
    def sha256(self) -> str:
        """The hash of what was written."""
        return self._digest.hexdigest()

    def open(self) -> None:
        """Create the file."""
        folder = self._opened.enter_context(self._storage.working_folder())
        self._path = folder / "upload.zip"
        with _as_storage_errors():
            self._file: BinaryIO = self._opened.enter_context(self._path.open("xb"))

    def write(self, data: bytes | bytearray) -> None:
        """Append bytes."""
        with _as_storage_errors():
            self._file.write(data)
            self._digest.update(data)
            self.size_bytes += len(data)
            self._unsynced_bytes += len(data)
            if self._unsynced_bytes >= _SYNC_BYTES:
                self._file.flush()
                os.fsync(self._file.fileno())
                self._unsynced_bytes = 0

    def publish(self) -> None:
        """Make the file an object."""
        with _as_storage_errors():
            self._file.close()
        self._storage.put_file(self._key, self._path)

    def close(self) -> None:
        """Remove the folder; an object that was published stays."""
        with suppress(OSError):  # the rest of a failed write may not fit either
            self._opened.close()


@contextmanager
def _as_storage_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(f"Storage cannot keep the upload: {error.strerror or error}.") from error
