"""The interface of every storage, and the rules for its keys. Knows nothing about the meaning of objects."""

import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from model.errors import ObjectExistsError, ObjectMissingError, StorageError
from model.storage.scratch import Scratch

KEY_MAX_BYTES = 1024


@dataclass(frozen=True)
class StorageEntry:
    """A folder of objects, or a leftover file: its key, total size and time of the last change (Unix time)."""

    key: str
    size_bytes: int
    changed_at: float


class Storage(ABC):
    """Immutable objects with keys such as `models/mdl_1/manifest.json`.

    Every method raises StorageError when the storage fails. Files that are being written or read are in a temporary
    folder on a local or shared disk (`Scratch`), whatever stores the objects.
    """

    def __init__(self, scratch_folder: Path) -> None:
        self._scratch = Scratch(scratch_folder)

    def put_bytes(self, key: str, data: bytes) -> None:
        """Store an object atomically; see `put_stream`."""
        self.put_stream(key, lambda file: file.write(data))

    @abstractmethod
    def put_stream(self, key: str, write: Callable[[BinaryIO], object]) -> None:
        """Store the bytes that `write` writes to its file, atomically.

        Storing the same bytes again is allowed and renews the object's time of change.

        Raises:
            ObjectExistsError: the key has an object with other bytes.
            StorageError: the storage is full, read-only or unreachable, or the key is invalid.
        """

    @abstractmethod
    def working_folder(self) -> AbstractContextManager[Path]:
        """Provide an empty local folder for files that `put_file` shall store; it is removed when the context ends."""

    @abstractmethod
    def put_file(self, key: str, file: Path) -> None:
        """Store a finished file as an object, as `put_stream` does; without copying it where that is possible.

        Args:
            key: the object's key.
            file: a file in a working folder; nothing may change it afterwards.
        """

    @abstractmethod
    def read_bytes(self, key: str) -> bytes:
        """Return the bytes of an object.

        Raises:
            ObjectMissingError: there is no object with this key.
        """

    @abstractmethod
    def read_range(self, key: str, offset: int, length: int) -> bytes:
        """Return some of the bytes of an object.

        Raises:
            ObjectMissingError: there is no object with this key.
            StorageError: the object has fewer bytes.
        """

    @abstractmethod
    def as_file(self, key: str) -> AbstractContextManager[Path]:
        """Provide an object as a local file, which must not be changed. Raises the same errors as `read_bytes`."""

    @abstractmethod
    def exists(self, key: str) -> bool:
        """Return whether there is an object with this key."""

    @abstractmethod
    def list(self, prefix: str = "") -> list[str]:
        """Return the keys that start with `prefix`, sorted."""

    @abstractmethod
    def delete(self, key_or_prefix: str) -> None:
        """Delete an object, or all objects of a folder. Does nothing when there is no such object or folder."""

    @abstractmethod
    def folders(self, kind: str) -> Sequence[StorageEntry]:
        """Return the folders directly below `kind`; their keys are `kind/name`."""

    @abstractmethod
    def is_unchanged(self, folder: StorageEntry) -> bool:
        """Return whether a folder has not changed since it was listed."""

    def remove_unfinished(self) -> None:
        """Remove the unfinished files of processes of this host that were killed."""
        self._scratch.remove_unfinished()

    @abstractmethod
    def leftovers(self) -> Sequence[StorageEntry]:
        """Return the unfinished files of processes that died, which `remove_leftovers` removes."""

    def remove_leftovers(self) -> None:
        """Remove the unfinished files of processes that died. Every put does this as well."""
        self._scratch.remove_leftovers()

    @abstractmethod
    def free_bytes(self) -> int:
        """Return the free space of the storage."""

    @abstractmethod
    def used_bytes(self) -> int:
        """Return the total size of everything in the storage. Slow: looks at every object."""

    def check(self) -> None:
        """Write, read and delete a probe object; raises StorageError with the reason when an operation fails."""
        key, data = f"probes/{secrets.token_hex(8)}", secrets.token_bytes(16)
        self.put_bytes(key, data)
        same = self.read_bytes(key) == data
        self.delete(key)
        if not same:
            raise StorageError("Storage returned other bytes than were written: check the disk.")


def object_exists_error(key: str) -> ObjectExistsError:
    """Return the error for a put to a key that has an object with other bytes."""
    return ObjectExistsError(
        f"Storage already has {key!r} with other bytes; objects never change: use a new key."
    )


def object_missing_error(key: str) -> ObjectMissingError:
    """Return the error for a read of a missing object."""
    return ObjectMissingError(f"Storage has no object {key!r}.")


def short_object_error(key: str) -> StorageError:
    """Return the error for a read of bytes that an object does not have."""
    return StorageError(f"Storage has fewer bytes of {key!r} than are expected: the object is damaged.")


def check_key(key: str) -> str:
    """Return the key; raises StorageError unless it is a relative path without hidden or empty parts."""
    parts = key.removesuffix("/").split("/")
    hidden_or_empty = any(not part or part.startswith(".") for part in parts)
    if hidden_or_empty or "\0" in key or "\\" in key or len(key.encode()) > KEY_MAX_BYTES:
        raise StorageError(
            f"{key[:80]!r} is not a storage key: use relative names separated by single slashes, none of "
            f"them starting with a dot, {KEY_MAX_BYTES} bytes at most."
        )
    return key
