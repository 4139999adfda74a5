"""Storage in a local folder, which may be a network mount that several hosts share."""

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
from model.storage.interface import (
    Storage,
    StorageEntry,
    check_key,
    object_exists_error,
    object_missing_error,
    short_object_error,
)
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
    """Stores each object as a file in a local folder."""

    def __init__(self, root: Path) -> None:
        super().__init__(root / TEMPORARY_FOLDER)
        self._root = root

    def put_stream(self, key: str, write: Callable[[BinaryIO], object]) -> None:
        """Store the bytes that `write` writes. The object survives a power failure once the method has returned."""
        check_key(key)
        with _as_storage_errors(f"write {key!r}"):
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

    @contextmanager
    def working_folder(self) -> Iterator[Path]:
        """Provide a folder on the file system of the objects, so that `put_file` only links a file."""
        with _as_storage_errors("make a folder"):
            folder = self._new_temporary()
            folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            remove(folder)

    def put_file(self, key: str, file: Path) -> None:
        """Link a file of a working folder to the path of its key, durably."""
        check_key(key)
        with _as_storage_errors(f"write {key!r}"):
            with file.open("rb") as finished:
                os.fsync(finished.fileno())
            reach(Failpoint.PUT_SYNCED)
            self._publish(key, file)

    def read_bytes(self, key: str) -> bytes:
        """Return the bytes of an object."""
        with self.as_file(key) as path, _as_storage_errors(f"read {key!r}"):
            return path.read_bytes()

    def read_range(self, key: str, offset: int, length: int) -> bytes:
        """Return some of the bytes of an object."""
        with self.as_file(key) as path, _as_storage_errors(f"read {key!r}"), path.open("rb") as file:
            file.seek(offset)
            data = file.read(length)
        if len(data) < length:
            raise short_object_error(key)
        return data

    @contextmanager
    def as_file(self, key: str) -> Iterator[Path]:
        """Provide the stored file itself, which must not be changed."""
        path = self._path(key)
        if not path.is_file():
            raise object_missing_error(key)
        yield path

    def exists(self, key: str) -> bool:
        """Return whether there is an object with this key."""
        return self._path(key).is_file()

    def list(self, prefix: str = "") -> list[str]:
        """Return the keys that start with `prefix`, sorted."""
        folder = self._root / check_key(prefix).rpartition("/")[0] if prefix else self._root
        with _as_storage_errors(f"list {prefix!r}"):
            keys = [path.relative_to(self._root).as_posix() for path in _files(folder) if path.is_file()]
        return sorted(key for key in keys if key.startswith(prefix) and not key.startswith("."))

    def delete(self, key_or_prefix: str) -> None:
        """Delete an object, or all objects of a folder in one step. Does nothing when there is no such object or folder."""
        path = self._path(key_or_prefix.removesuffix("/"))
        with _as_storage_errors(f"delete {key_or_prefix!r}"):
            doomed = self._new_temporary()
            try:
                # Renaming hides the folder in one step, so that no reader sees a part of its objects.
                path.rename(doomed)
            except FileNotFoundError:
                return
            _sync_folder(path.parent)
            remove(doomed)

    def folders(self, kind: str) -> Sequence[StorageEntry]:
        """Return the folders directly below `kind`; their keys are `kind/name`."""
        return _measure(self._root, self._path(kind).glob("*"))

    def is_unchanged(self, folder: StorageEntry) -> bool:
        """Return whether a folder has not changed since it was listed."""
        return folder in _measure(self._root, [self._path(folder.key)])

    def leftovers(self) -> Sequence[StorageEntry]:
        """Return the unfinished files of processes that died, which `remove_leftovers` removes."""
        return _measure(self._root, self._scratch.leftovers())

    def free_bytes(self) -> int:
        """Return the free space of the disk."""
        with _as_storage_errors("be measured"):
            self._root.mkdir(parents=True, exist_ok=True)
            return shutil.disk_usage(self._root).free

    def used_bytes(self) -> int:
        """Return the total size of all files, unfinished ones included. Slow: walks all folders."""
        used = 0
        with _as_storage_errors("be measured"):
            for folder, _, files in os.walk(self._root):
                for file in files:
                    with suppress(FileNotFoundError):  # deleted meanwhile
                        used += os.lstat(os.path.join(folder, file)).st_size  # noqa: PTH118  # much faster than Path
        return used

    def _path(self, key: str) -> Path:
        return self._root / check_key(key)

    def _new_temporary(self) -> Path:
        """Return a new temporary path on the file system of the objects."""
        _make_folder(self._root / TEMPORARY_FOLDER)
        return self._scratch.new_path()

    def _publish(self, key: str, temporary: Path) -> None:
        """Link a finished file to the path of its key, durably, without replacing an existing file.

        A hard link fails atomically when the path exists, where a rename would replace the file. So of two writers
        one creates the object and the other compares its bytes with the object's.
        """
        path = self._path(key)
        for attempt in range(1, PUT_ATTEMPTS + 1):
            try:
                _make_folder(path.parent)
                is_same = _link(temporary, path)
            except FileNotFoundError:
                # Another process deleted the folder or the object between two of these calls.
                if attempt == PUT_ATTEMPTS:
                    raise
                continue
            if not is_same:
                raise object_exists_error(key)
            reach(Failpoint.PUT_LINKED)
            _sync_folder(path.parent)
            reach(Failpoint.PUT_DURABLE)
            return


@contextmanager
def _as_storage_errors(action: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = _REASONS.get(error.errno or 0, error.strerror or "the file system failed")
        raise StorageError(f"Storage cannot {action}: {reason}.") from error


def _files(folder: Path) -> Iterator[Path]:
    """Yield all files below a folder, except unreadable ones. Files that are deleted meanwhile may be missing."""

    def ignore_missing(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError | NotADirectoryError | PermissionError):
            raise error

    for parent, _, names in os.walk(folder, onerror=ignore_missing):
        yield from (Path(parent, name) for name in names)


def _measure(root: Path, paths: Iterable[Path]) -> list[StorageEntry]:
    found = []
    with _as_storage_errors("be listed"):
        for path in sorted(paths):
            with suppress(FileNotFoundError):  # deleted meanwhile
                stats = [inner.lstat() for inner in (path, *path.rglob("*"))]
                size = sum(stat.st_size for stat in stats if S_ISREG(stat.st_mode))
                newest = max(stat.st_mtime for stat in stats)
                found.append(StorageEntry(path.relative_to(root).as_posix(), size, newest))
    return found


def _make_folder(folder: Path) -> None:
    """Create a folder that survives a power failure: the parent of each new folder is synced."""
    missing = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    for parent in reversed(missing):
        parent.mkdir(exist_ok=True)
        _sync_folder(parent.parent)


def _link(temporary: Path, path: Path) -> bool:
    """Link a finished file to its path; return False when the path has a file with other bytes."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        if _digest(path) != _digest(temporary):
            return False
        os.utime(path)  # a repeated put makes the object new again, so that garbage collection keeps it
    return True


def _sync_folder(folder: Path) -> None:
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return  # the folder was deleted meanwhile
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
