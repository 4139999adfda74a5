"""Storage in a local folder, which may be a shared mount."""

import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from stat import S_ISREG
from typing import BinaryIO

from model.errors import StorageError
from model.host.failpoints import Failpoint, reach
from model.storage.interface import Storage, StorageEntry, already_there, checked, not_there
from model.storage.scratch import remove

TEMPORARY_FOLDER = ".tmp"
PUT_ATTEMPTS = 100

_REASONS = {
    errno.ENOSPC: "the disk is full; free some space or move the storage",
    errno.EDQUOT: "the disk quota is used up; free some space or move the storage",
    errno.EFBIG: "the file would be larger than this process may write; raise the limit or free some space",
    errno.EROFS: "the file system is read-only; mount it writable or move the storage",
    errno.EACCES: "permission denied; let this user write to the storage folder",
    errno.EPERM: "permission denied; let this user write to the storage folder",
}


class LocalStorage(Storage):
    """Objects in a local folder."""

    def __init__(self, root: Path) -> None:
        super().__init__(root / TEMPORARY_FOLDER)
        self._root = root

    def put_stream(self, key: str, write: Callable[[BinaryIO], object]) -> None:
        """Put what `write` writes, durably: a power cut after it takes nothing back."""
        checked(key)
        with _explained(f"write {key!r}"):
            path = self._new_temporary()
            try:
                with path.open("xb") as file:
                    reach(Failpoint.PUT_BEGUN)
                    write(file)
                    file.flush()
                    reach(Failpoint.PUT_WRITTEN)
                    os.fsync(file.fileno())
                reach(Failpoint.PUT_SYNCED)
                self._publish(key, path)
            finally:
                path.unlink(missing_ok=True)

    def read_bytes(self, key: str) -> bytes:
        """All bytes of an object."""
        with self.as_file(key) as path, _explained(f"read {key!r}"):
            return path.read_bytes()

    @contextmanager
    def as_file(self, key: str) -> Iterator[Path]:
        """An object where it lies; it must never be written there."""
        path = self._path(key)
        if not path.is_file():
            raise not_there(key)
        yield path

    def exists(self, key: str) -> bool:
        """Whether an object was put under this key."""
        return self._path(key).is_file()

    def list(self, prefix: str = "") -> list[str]:
        """The sorted keys that start with `prefix`."""
        folder = self._root / checked(prefix).rpartition("/")[0] if prefix else self._root
        with _explained(f"list {prefix!r}"):
            keys = [path.relative_to(self._root).as_posix() for path in _files(folder) if path.is_file()]
        return sorted(key for key in keys if key.startswith(prefix) and not key.startswith("."))

    def delete(self, key_or_prefix: str) -> None:
        """Delete one object, or all objects of a folder, at once; nothing there is fine."""
        path = self._path(key_or_prefix.removesuffix("/"))
        with _explained(f"delete {key_or_prefix!r}"):
            doomed = self._new_temporary()
            try:
                # Out of sight in one step: nobody lists or reads half a folder.
                path.rename(doomed)
            except FileNotFoundError:
                return
            _sync_folder(path.parent)
            remove(doomed)

    def folders(self, kind: str) -> Sequence[StorageEntry]:
        """The folders right below `kind`, as `kind/name`."""
        return _measure(self._root, self._path(kind).glob("*"))

    def is_unchanged(self, folder: StorageEntry) -> bool:
        """Whether nothing was put there since it was listed."""
        return folder in _measure(self._root, [self._path(folder.key)])

    def leftovers(self) -> Sequence[StorageEntry]:
        """What writers that died left behind; `remove_leftovers` removes it."""
        return _measure(self._root, self._scratch.leftovers())

    def free_bytes(self) -> int:
        """How much more fits on the disk."""
        with _explained("be measured"):
            self._root.mkdir(parents=True, exist_ok=True)
            return shutil.disk_usage(self._root).free

    def used_bytes(self) -> int:
        """How much all that lies here takes, also what is still being written: a walk over all of it."""
        used = 0
        with _explained("be measured"):
            for folder, _, files in os.walk(self._root):
                for file in files:
                    with suppress(FileNotFoundError):  # deleted meanwhile
                        used += os.lstat(os.path.join(folder, file)).st_size  # noqa: PTH118  # faster by far
        return used

    def _path(self, key: str) -> Path:
        return self._root / checked(key)

    def _new_temporary(self) -> Path:
        """A new name on the same file system as the objects."""
        _make_folder(self._root / TEMPORARY_FOLDER)
        return self._scratch.new_path()

    def _publish(self, key: str, temporary: Path) -> None:
        """Make a written file visible under its key, durably, without ever replacing another.

        A hard link fails when the name is taken, in one step, where a rename would replace: so of two
        writers one wins and the other compares.
        """
        path = self._path(key)
        for attempt in range(1, PUT_ATTEMPTS + 1):
            try:
                _make_folder(path.parent)
                is_same = _link(temporary, path)
            except FileNotFoundError:
                # Someone deleted the folder or the object between two of our calls.
                if attempt == PUT_ATTEMPTS:
                    raise
                continue
            if not is_same:
                raise already_there(key)
            reach(Failpoint.PUT_LINKED)
            _sync_folder(path.parent)
            reach(Failpoint.PUT_DURABLE)
            return


@contextmanager
def _explained(action: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = _REASONS.get(error.errno or 0, error.strerror or "the file system failed")
        raise StorageError(f"Storage cannot {action}: {reason}.") from error


def _files(folder: Path) -> Iterator[Path]:
    """All that lies below and is no folder; what goes meanwhile may be left out, and so is what we may not see."""

    def pass_over(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError | NotADirectoryError | PermissionError):
            raise error

    for parent, _, names in os.walk(folder, onerror=pass_over):
        yield from (Path(parent, name) for name in names)


def _measure(root: Path, paths: Iterable[Path]) -> list[StorageEntry]:
    found = []
    with _explained("be listed"):
        for path in sorted(paths):
            with suppress(FileNotFoundError):  # deleted meanwhile
                stats = [inner.lstat() for inner in (path, *path.rglob("*"))]
                size = sum(stat.st_size for stat in stats if S_ISREG(stat.st_mode))
                newest = max(stat.st_mtime for stat in stats)
                found.append(StorageEntry(path.relative_to(root).as_posix(), size, newest))
    return found


def _make_folder(folder: Path) -> None:
    """Make a folder whose name survives a power cut: each new name is synced in its parent."""
    missing = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    for parent in reversed(missing):
        parent.mkdir(exist_ok=True)
        _sync_folder(parent.parent)


def _link(temporary: Path, path: Path) -> bool:
    """Give a written file its name; whether that now holds the same bytes, for the name may be taken."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        if _digest(path) != _digest(temporary):
            return False
        os.utime(path)  # who put it again needs it from now on: it is no old litter
    return True


def _sync_folder(folder: Path) -> None:
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return  # deleted meanwhile: nothing left to keep
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
