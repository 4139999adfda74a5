"""What every storage does."""

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
    """A folder of objects, or what a writer left behind: how large, and when it last changed."""

    key: str
    size_bytes: int
    changed_at: float


class Storage(ABC):
    """Objects under keys such as `models/mdl_1/manifest.json`. Each method raises StorageError when storage fails.

    Whatever holds the objects, files on their way to it or from it lie in one folder.
    """

    def __init__(self, scratch_folder: Path) -> None:
        self._scratch = Scratch(scratch_folder)

    def put_bytes(self, key: str, data: bytes) -> None:
        """Put an object atomically; see `put_stream`."""
        self.put_stream(key, lambda file: file.write(data))

    @abstractmethod
    def put_stream(self, key: str, write: Callable[[BinaryIO], object]) -> None:
        """Put what `write` writes, atomically; the same bytes again are fine.

        Raises:
            ObjectExistsError: the key holds other bytes.
            StorageError: storage is full, read-only or out of reach, or the key is not one.
        """

    @abstractmethod
    def read_bytes(self, key: str) -> bytes:
        """All bytes of an object.

        Raises:
            ObjectMissingError: it is not there.
        """

    @abstractmethod
    def as_file(self, key: str) -> AbstractContextManager[Path]:
        """An object as a local file for a while; it must never be written there. Raises as `read_bytes` does."""

    @abstractmethod
    def exists(self, key: str) -> bool:
        """Whether an object was put under this key."""

    @abstractmethod
    def list(self, prefix: str = "") -> list[str]:
        """The sorted keys that start with `prefix`."""

    @abstractmethod
    def delete(self, key_or_prefix: str) -> None:
        """Delete one object, or all objects of a folder; nothing there is fine."""

    @abstractmethod
    def folders(self, kind: str) -> Sequence[StorageEntry]:
        """The folders right below `kind`, as `kind/name`."""

    @abstractmethod
    def is_unchanged(self, folder: StorageEntry) -> bool:
        """Whether nothing was put there since it was listed."""

    def remove_unfinished(self, process_id: int) -> None:
        """Remove what a process of this host was still writing when it was killed."""
        self._scratch.remove_unfinished(process_id)

    @abstractmethod
    def leftovers(self) -> Sequence[StorageEntry]:
        """What writers that died left behind; `remove_leftovers` removes it."""

    def remove_leftovers(self) -> None:
        """Remove what writers that died left behind; every put does it too."""
        self._scratch.remove_leftovers()

    @abstractmethod
    def free_bytes(self) -> int:
        """How much more fits."""

    @abstractmethod
    def used_bytes(self) -> int:
        """How much all that lies here takes: a look at every object."""

    def check(self) -> None:
        """Write, read and delete a probe; raises StorageError with the reason when one of them fails."""
        key, data = f"probes/{secrets.token_hex(8)}", secrets.token_bytes(16)
        self.put_bytes(key, data)
        same = self.read_bytes(key) == data
        self.delete(key)
        if not same:
            raise StorageError("Storage gave back other bytes than were written; check the disk.")


def already_there(key: str) -> ObjectExistsError:
    """What a put raises where other bytes are."""
    return ObjectExistsError(
        f"Storage already has {key!r} with other bytes; objects never change: use a new key."
    )


def not_there(key: str) -> ObjectMissingError:
    """What reading raises where nothing is."""
    return ObjectMissingError(f"Storage has no object {key!r}.")


def checked(key: str) -> str:
    """The key itself, when it names something below the root and nothing else."""
    parts = key.removesuffix("/").split("/")
    hidden_or_empty = any(not part or part.startswith(".") for part in parts)
    if hidden_or_empty or "\0" in key or "\\" in key or len(key.encode()) > KEY_MAX_BYTES:
        raise StorageError(
            f"{key[:80]!r} is not a storage key: use relative names separated by single slashes, none of "
            f"them starting with a dot, {KEY_MAX_BYTES} bytes at most."
        )
    return key
