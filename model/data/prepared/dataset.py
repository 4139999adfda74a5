"""Resizes the images of a dataset to squares and caches them as files on local disk. Imports no torch."""

import errno
import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.data.images import resize_image
from model.data.opening import OpenDataset, OpenSplit, find_facts, open_dataset
from model.data.pixel_budget import PixelBudget
from model.data.prepared.cache import DEFAULT_LIMITS, CacheLimits, PreparedCache, build_lock, unfinished_path
from model.data.prepared.image_file import ImageFile, NewImageFile
from model.data.split import SplitName
from model.errors import StorageError
from model.host.cpus import cpu_quota
from model.spec import FULL_BITS, DatasetFacts, Resize
from model.storage.interface import Storage

VERSION = 3
"""Part of the cache folder's name. Increase it when the arrays, or their pixels, change."""
ARRAYS = ("train_images", "train_labels", "train_ids", "test_images", "test_labels", "test_ids")
META_FILE = "meta.json"
CHUNK_IMAGES = 64
SAMPLED_BLOCKS, BLOCK_BYTES = 64, 64 * 1024

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PreparedSplit:
    """The images of one split at their final size."""

    images: ImageFile
    labels_N: NDArray[np.int64]  # noqa: N815  # the shape
    ids_N: NDArray[np.str_]  # noqa: N815  # the shape


@dataclass(frozen=True)
class PreparedDataset:
    """All images of a dataset at their final size, in the cache."""

    facts: DatasetFacts
    train: PreparedSplit
    test: PreparedSplit


def prepare_dataset(
    dataset: str,
    image_size: int,
    resize: Resize,
    storage: Storage,
    cache_dir: Path,
    *,
    limits: CacheLimits = DEFAULT_LIMITS,
) -> PreparedDataset:
    """Return a dataset's images as squares, from the cache; build the cache when it is missing or damaged.

    The cache keeps the images as long as this process has their files open.

    Args:
        dataset: a built-in name or `ds_…`.
        image_size: side of the squares in pixels.
        resize: how an image that is not square becomes a square.
        storage: contains the imported datasets.
        cache_dir: a folder on a local disk, which several processes may share.
        limits: when other prepared datasets are deleted from the cache.

    Raises:
        DatasetUnavailableError: the dataset is unknown or cannot be downloaded.
        CorruptArtifactError: the images in storage are damaged.
        DatasetTooLargeError: the cache has no room for the images at this size.
        StorageError: the cache cannot be written.
    """
    facts = find_facts(dataset, storage)
    # An import by an earlier version takes the same images for 16 bits.
    bits = "" if facts.sample_bits == FULL_BITS else f"-{facts.sample_bits}bits"
    name = f"{dataset}-{image_size}-{resize}-v{VERSION}-{facts.content_hash[:16]}{bits}"
    folder = cache_dir / "prepared" / name
    if found := _load(folder, facts):
        return found
    with _as_storage_errors(), build_lock(folder):
        # Another trainer may have built the cache while this trainer waited for the lock.
        if found := _load(folder, facts):
            return found
        with open_dataset(dataset, storage, cache_dir) as opened:
            _build(folder, opened, image_size, resize, PreparedCache(folder.parent, limits))
        built = _load(folder, facts)
    if not built:
        raise StorageError(f"The prepared images cannot be read from {folder}: is the folder being deleted?")
    return built


def _load(folder: Path, facts: DatasetFacts) -> PreparedDataset | None:
    """Open a prepared dataset and keep it from deletion while it is open; None if it is missing or damaged."""

    def load(split: SplitName) -> PreparedSplit:
        images = ImageFile(folder / f"{split}_images.npy")
        labels_N, ids_N = (np.load(folder / f"{split}_{name}.npy") for name in ("labels", "ids"))
        return PreparedSplit(images, labels_N, ids_N)

    try:
        opened = PreparedDataset(facts, load("train"), load("test"))
    except (OSError, ValueError, EOFError):
        return None
    if not opened.train.images.is_in_place or not _is_complete(folder):
        return None
    with suppress(OSError):
        os.utime(folder)  # the time of the last use
    return opened


@contextmanager
def _as_storage_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"The prepared images cannot be written ({error.strerror}): free some space for the cache, or "
            "choose another folder for it."
        ) from error


def _build(folder: Path, dataset: OpenDataset, image_size: int, resize: Resize, cache: PreparedCache) -> None:
    """Write the arrays to a temporary folder, then rename it, so that readers never see an incomplete folder."""
    shutil.rmtree(unfinished_path(folder), ignore_errors=True)  # of a process that died
    splits = (dataset.train, dataset.test)
    with cache.room(sum(len(split.labels) for split in splits), image_size):
        files = _reserve(unfinished_path(folder), dataset, image_size, cache)
    for file, split in zip(files, splits, strict=True):
        _write_images(file, split, image_size, resize)
    _write_meta(unfinished_path(folder))
    if folder.exists():
        logger.warning("the prepared dataset %s was damaged and has been built again", folder.name)
        shutil.rmtree(folder)
    unfinished_path(folder).rename(folder)


def _reserve(
    folder: Path, dataset: OpenDataset, image_size: int, cache: PreparedCache
) -> tuple[NewImageFile, NewImageFile]:
    """Make the folder with all files, and reserve the space of the images; delete other datasets if the disk is full."""

    def create(name: SplitName, split: OpenSplit) -> NewImageFile:
        np.save(folder / f"{name}_labels.npy", np.array(split.labels, dtype=np.int64))
        np.save(folder / f"{name}_ids.npy", np.array(split.ids, dtype=np.str_))
        return NewImageFile(folder / f"{name}_images.npy", (len(split.labels), image_size, image_size, 3))

    while True:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        try:
            return create("train", dataset.train), create("test", dataset.test)
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            if error.errno not in (errno.ENOSPC, errno.EDQUOT) or not cache.evict_one():
                raise


def _write_images(images: NewImageFile, split: OpenSplit, image_size: int, resize: Resize) -> None:
    budget = PixelBudget()  # not one large image a thread: a machine may have many threads

    def fill(start: int) -> None:
        for index in range(start, min(start + CHUNK_IMAGES, len(split.labels))):
            with budget.share() as take:
                images.write(index, resize_image(split.read(index, image_size, take), image_size, resize))

    with ThreadPoolExecutor(cpu_quota()) as pool:
        for _ in pool.map(fill, range(0, len(split.labels), CHUNK_IMAGES)):
            pass


def _write_meta(folder: Path) -> None:
    meta = {name: _fingerprint(folder / f"{name}.npy") for name in ARRAYS}
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    (folder / META_FILE).write_text(json.dumps(meta))


def _is_complete(folder: Path) -> bool:
    try:
        meta = json.loads((folder / META_FILE).read_text())
        return all(meta[name] == _fingerprint(folder / f"{name}.npy") for name in ARRAYS)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _fingerprint(path: Path) -> str:
    """Hash the size and 64 evenly spaced blocks of a file, both ends included: milliseconds for gigabytes."""
    size = path.stat().st_size
    sampled = hashlib.sha256(str(size).encode())
    last = max(0, size - BLOCK_BYTES)
    with path.open("rb") as file:
        for offset in sorted({last * number // (SAMPLED_BLOCKS - 1) for number in range(SAMPLED_BLOCKS)}):
            file.seek(offset)
            sampled.update(file.read(BLOCK_BYTES))
    return sampled.hexdigest()
