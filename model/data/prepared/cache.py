"""The folder of prepared datasets of one host: locks, and what is deleted when. Imports no numpy.

A prepared dataset is a folder `NAME`; `.NAME` is one that is being built or deleted, `.NAME.lock` is locked meanwhile.
"""

import fcntl
import logging
import math
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from model.errors import DatasetTooLargeError
from model.spec import SMALLEST_IMAGE_SIZE

LOCKED_FILE = "train_images.npy"
"""Is open in every process that uses the prepared dataset."""
KEPT_FREE_BYTES = 256 << 20
"""The space on the disk that prepared datasets leave to others."""
DEFAULT_SHARE = 0.5
"""The share of the disk's space, without the files of others, that prepared datasets take without a limit in bytes."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CacheLimits:
    """When prepared datasets are deleted; those that a training reads are not."""

    max_bytes: int = 0
    """Together; those that were not used for longest go first. 0: half of the space of the disk that others leave."""
    max_days: float = 30.0
    """Since the last use. 0: no limit."""


DEFAULT_LIMITS = CacheLimits()


class PreparedCache:
    """All prepared datasets of one host, which several processes may share."""

    def __init__(self, folder: Path, limits: CacheLimits) -> None:
        self._folder, self._limits = folder, limits

    def clean(self) -> None:
        """Delete what killed processes left, what was not used for long, and what is above the limit in bytes."""
        if self._folder.is_dir():
            with self._lock():
                self._clean()

    @contextmanager
    def room(self, images: int, image_size: int) -> Iterator[None]:
        """Delete other datasets to make room for new images; no other process makes room until their space is reserved.

        Raises:
            DatasetTooLargeError: the limit in bytes, or the disk, has no room for the images.
        """
        with self._lock():
            self._clean()
            needed = images * image_size**2 * 3
            if (most := self._most_bytes()) < needed:
                raise _too_large(images, image_size, most)
            self._evict_down_to(self._limit_bytes() - needed)
            while (free := self._free_bytes()) < needed:
                if not self.evict_one():
                    raise _too_large(images, image_size, free)
            yield

    def evict_one(self) -> bool:
        """Delete the dataset that was not used for longest of those that no process reads; False without any."""
        return any(_evict(path) for path in self._by_last_use())

    def _lock(self) -> FileLock:
        return FileLock(self._folder / ".room.lock")

    def _clean(self) -> None:
        for path in self._folder.glob(".*"):
            if path.is_dir():
                with build_lock(self._folder / path.name[1:], waits=False) as is_locked:
                    if is_locked:
                        shutil.rmtree(path, ignore_errors=True)
        self._evict_old()
        self._evict_down_to(self._limit_bytes())

    def _evict_old(self) -> None:
        oldest = time.time() - self._limits.max_days * 86_400
        for path in self._by_last_use() if self._limits.max_days else ():
            if _last_use(path) < oldest:
                _evict(path)

    def _evict_down_to(self, limit_bytes: float) -> None:
        for path in self._by_last_use():
            if self._used_bytes() <= limit_bytes:
                break
            _evict(path)

    def _by_last_use(self) -> list[Path]:
        paths = (path for path in self._folder.iterdir() if path.is_dir() and path.name[0] != ".")
        return sorted(paths, key=_last_use)

    def _limit_bytes(self) -> float:
        return self._limits.max_bytes or DEFAULT_SHARE * (self._used_bytes() + self._free_bytes())

    def _most_bytes(self) -> int:
        """Return the size of the largest dataset that fits when all others are deleted."""
        of_disk = self._used_bytes() + self._free_bytes()
        return min(self._limits.max_bytes or of_disk, of_disk)

    def _free_bytes(self) -> int:
        return max(0, shutil.disk_usage(self._folder).free - KEPT_FREE_BYTES)

    def _used_bytes(self) -> int:
        """Return the space of all prepared datasets, with those that are being built."""
        return sum(_size_bytes(path) for path in self._folder.rglob("*"))


@contextmanager
def build_lock(folder: Path, *, waits: bool = True) -> Iterator[bool]:
    """Let one process at a time build or delete a folder; the kernel releases the lock of a process that dies (flock).

    Gives False if another process has the lock and this one does not wait for it.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.parent / f".{folder.name}.lock")
    try:
        lock.acquire(blocking=waits)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def unfinished_path(folder: Path) -> Path:
    """Return where a folder is built and deleted, so that readers never see a part of it."""
    return folder.parent / f".{folder.name}"


def _evict(folder: Path) -> bool:
    """Delete a prepared dataset; False if a process builds or reads it."""
    with build_lock(folder, waits=False) as is_locked:
        if not is_locked or not _take_away(folder):
            return False
        shutil.rmtree(unfinished_path(folder), ignore_errors=True)
    _log.info("the prepared dataset %s was deleted from the cache", folder.name)
    return True


def _take_away(folder: Path) -> bool:
    """Rename a folder so that no process finds it any more; False if one has found it before."""
    shutil.rmtree(unfinished_path(folder), ignore_errors=True)
    try:
        with _lock_unused(folder / LOCKED_FILE) as is_unused:
            if is_unused:
                folder.rename(unfinished_path(folder))
            return is_unused
    except FileNotFoundError:  # a damaged folder, or a person has deleted it
        with suppress(FileNotFoundError):
            folder.rename(unfinished_path(folder))
        return True


@contextmanager
def _lock_unused(path: Path) -> Iterator[bool]:
    """Keep others from opening a file of images; gives False if it is open in any process of this host."""
    with path.open("r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def _too_large(images: int, image_size: int, room_bytes: int) -> DatasetTooLargeError:
    fitting_size = math.isqrt(room_bytes // (images * 3))
    fits = fitting_size if fitting_size >= SMALLEST_IMAGE_SIZE else None
    return DatasetTooLargeError(images, image_size, images * image_size**2 * 3, room_bytes, fits)


def _last_use(folder: Path) -> float:
    with suppress(FileNotFoundError):
        return folder.stat().st_mtime
    return 0.0


def _size_bytes(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.stat().st_blocks * 512
    return 0
