"""Prepared datasets are deleted by size and age, never one that a process reads."""

import errno
import multiprocessing
import os
import shutil
import signal
import time
from multiprocessing.synchronize import Event as EventType
from pathlib import Path
from types import SimpleNamespace

import pytest

from model.data.prepared.cache import (
    DEFAULT_LIMITS,
    KEPT_FREE_BYTES,
    CacheLimits,
    PreparedCache,
    build_lock,
    unfinished_path,
)
from model.data.prepared.dataset import PreparedDataset, prepare_dataset
from model.errors import DatasetTooLargeError, StorageError
from model.spec import Resize
from model.storage.interface import Storage
from model.storage.opening import open_storage

IMAGES = 1797
"""Of the dataset `digits`."""
DAY = 86_400


def prepare(cache_dir: Path, side: int, limits: CacheLimits = DEFAULT_LIMITS) -> PreparedDataset:
    storage = open_storage((cache_dir / "storage").as_uri())
    return prepare_dataset("digits", side, Resize.SQUASH, storage, cache_dir, limits=limits)


def add(cache_dir: Path, *sides: int) -> None:
    """Prepare digits at these sizes, used one after the other, all of them long ago."""
    for number, side in enumerate(sides):
        prepare(cache_dir, side)
        (folder,) = (cache_dir / "prepared").glob(f"digits-{side}-*")
        os.utime(folder, (now := time.time() - 10 * DAY + number, now))


def cached(cache_dir: Path) -> list[int]:
    """Return the sizes of the images that the cache has."""
    return sorted(int(path.name.split("-")[1]) for path in (cache_dir / "prepared").glob("digits-*"))


def size(*sides: int) -> int:
    """Return bytes that suffice for digits at these sizes, with labels and ids, and for none more."""
    return sum(IMAGES * side**2 * 3 + 250_000 for side in sides)


def test_the_set_that_was_not_used_for_longest_makes_room(tmp_path: Path) -> None:
    add(tmp_path, 16, 18, 20)
    prepare(tmp_path, 16)  # the last use counts, not the age
    prepare(tmp_path, 22, CacheLimits(size(16, 20, 22)))
    assert cached(tmp_path) == [16, 20, 22]
    assert not any(path.is_dir() for path in (tmp_path / "prepared").glob(".*"))


def test_a_set_that_is_read_is_kept_and_the_limit_is_exceeded_meanwhile(tmp_path: Path) -> None:
    add(tmp_path, 16, 18)
    used = prepare(tmp_path, 16)
    prepare(tmp_path, 20, CacheLimits(size(20)))
    assert cached(tmp_path) == [16, 20]
    del used
    PreparedCache(tmp_path / "prepared", CacheLimits(size(20))).clean()
    assert cached(tmp_path) == [20]


def test_sets_that_were_not_used_for_long_are_deleted_and_folders_of_killed_processes(tmp_path: Path) -> None:
    add(tmp_path, 16, 18)
    prepare(tmp_path, 18)
    (tmp_path / "prepared" / ".digits-24-killed").mkdir()
    cache = PreparedCache(tmp_path / "prepared", CacheLimits(max_days=11))
    cache.clean()
    assert cached(tmp_path) == [16, 18]
    assert not (tmp_path / "prepared" / ".digits-24-killed").exists()
    PreparedCache(tmp_path / "prepared", CacheLimits(max_days=9)).clean()
    assert cached(tmp_path) == [18]


def test_a_set_that_is_being_built_is_kept(tmp_path: Path) -> None:
    folder = tmp_path / "prepared" / "digits-24"
    with build_lock(folder):
        unfinished_path(folder).mkdir()
        PreparedCache(folder.parent, CacheLimits(1, 1e-9)).clean()
        assert unfinished_path(folder).exists()


def test_a_set_above_the_limit_is_refused_and_others_stay(tmp_path: Path) -> None:
    add(tmp_path, 16)
    with pytest.raises(DatasetTooLargeError, match="choose image_size 30"):
        prepare(tmp_path, 32, CacheLimits(IMAGES * 30 * 30 * 3))
    assert cached(tmp_path) == [16]


def test_without_a_limit_half_of_the_disk_is_used_and_more_for_one_large_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(tmp_path, 16, 18)
    disk = size(16, 18, 24) + KEPT_FREE_BYTES

    def usage(_: Path) -> SimpleNamespace:
        used = sum(path.stat().st_size for path in (tmp_path / "prepared").rglob("*.npy"))
        return SimpleNamespace(free=disk - used)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    prepare(tmp_path, 24)
    assert cached(tmp_path) == [24]


def test_a_full_disk_deletes_other_sets_and_then_says_so(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk has more files than its free space says, as with quotas or when another program fills it."""
    add(tmp_path, 16, 18)
    reserve = os.posix_fallocate

    def reserve_if_alone(descriptor: int, offset: int, length: int) -> None:
        if len(cached(tmp_path)) > most:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        reserve(descriptor, offset, length)

    most = 1
    monkeypatch.setattr(os, "posix_fallocate", reserve_if_alone)
    prepare(tmp_path, 20)
    assert cached(tmp_path) == [18, 20]
    most = -1
    with pytest.raises(StorageError, match=r"No space left on device.*free some space"):
        prepare(tmp_path, 22)
    assert cached(tmp_path) == []
    assert not any(path.is_dir() for path in (tmp_path / "prepared").iterdir())


def _read_until_killed(cache_dir: str, is_reading: EventType) -> None:
    used = prepare(Path(cache_dir), 16)
    is_reading.set()
    signal.pause()
    del used


def test_a_killed_reader_keeps_nothing(tmp_path: Path) -> None:
    add(tmp_path, 16)
    context = multiprocessing.get_context("spawn")
    is_reading = context.Event()
    reader = context.Process(target=_read_until_killed, args=(str(tmp_path), is_reading))
    reader.start()
    assert is_reading.wait(60)
    cache = PreparedCache(tmp_path / "prepared", CacheLimits(1))
    cache.clean()
    assert cached(tmp_path) == [16]
    reader.kill()
    reader.join()
    cache.clean()
    assert cached(tmp_path) == []


def _prepare_often(cache_dir: str, sides: list[int]) -> None:
    for side in sides:
        prepared = prepare(Path(cache_dir), side, CacheLimits(size(20)))
        assert next(iter(prepared.train.images)).shape == (side, side, 3)
        assert sum(1 for _ in prepared.test.images) == len(prepared.test.labels_N)


def test_several_processes_prepare_read_and_delete_at_once(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        pool.starmap(
            _prepare_often, [(str(tmp_path), [16, 17, 18] * 4), (str(tmp_path), [18, 17, 16] * 4)] * 2
        )
    PreparedCache(tmp_path / "prepared", CacheLimits(size(20))).clean()
    assert sum(side**2 for side in cached(tmp_path)) <= 20**2 + 50
