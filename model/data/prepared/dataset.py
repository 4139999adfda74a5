"""Resizes the images of a dataset to squares and caches them as files on local disk. Imports no torch."""

import hashlib
import json
import logging
import math
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from model.data.images import resize_image
from model.data.opening import OpenDataset, OpenSplit, find_facts, open_dataset
from model.data.pixel_budget import PixelBudget
from model.data.prepared.image_file import ImageFile, NewImageFile
from model.data.split import SplitName
from model.errors import DatasetTooLargeError, StorageError
from model.host.cpus import cpu_quota
from model.spec import FULL_BITS, SMALLEST_IMAGE_SIZE, DatasetFacts, Resize
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
    dataset: str, image_size: int, resize: Resize, storage: Storage, cache_dir: Path
) -> PreparedDataset:
    """Return a dataset's images as squares, from the cache; build the cache when it is missing or damaged.

    Args:
        dataset: a built-in name or `ds_…`.
        image_size: side of the squares in pixels.
        resize: how an image that is not square becomes a square.
        storage: contains the imported datasets.
        cache_dir: a folder on a local disk, which several processes may share.

    Raises:
        DatasetUnavailableError: the dataset is unknown or cannot be downloaded.
        CorruptArtifactError: the images in storage are damaged.
        DatasetTooLargeError: the disk of the cache has no room for the images at this size.
        StorageError: the cache cannot be written.
    """
    facts = find_facts(dataset, storage)
    # An import by an earlier version takes the same images for 16 bits.
    bits = "" if facts.sample_bits == FULL_BITS else f"-{facts.sample_bits}bits"
    name = f"{dataset}-{image_size}-{resize}-v{VERSION}-{facts.content_hash[:16]}{bits}"
    folder = cache_dir / "prepared" / name
    if not _is_complete(folder):
        with build_lock(folder):
            # Another trainer may have built the cache while this trainer waited for the lock.
            if not _is_complete(folder):
                with open_dataset(dataset, storage, cache_dir) as opened, _as_storage_errors():
                    _build(folder, opened, image_size, resize)
    return _load(folder, facts)


def _load(folder: Path, facts: DatasetFacts) -> PreparedDataset:
    def load(split: SplitName) -> PreparedSplit:
        labels_N, ids_N = (np.load(folder / f"{split}_{name}.npy") for name in ("labels", "ids"))
        return PreparedSplit(ImageFile(folder / f"{split}_images.npy"), labels_N, ids_N)

    return PreparedDataset(facts, load("train"), load("test"))


@contextmanager
def build_lock(folder: Path) -> Iterator[None]:
    """Let one process at a time build a folder; the kernel releases the lock of a process that dies (flock)."""
    with _as_storage_errors():
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder.parent / f".{folder.name}.lock").acquire()
    with lock:
        yield


@contextmanager
def _as_storage_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"The prepared images cannot be written ({error.strerror}): free some space for the cache, or "
            "choose another folder for it."
        ) from error


def _build(folder: Path, dataset: OpenDataset, image_size: int, resize: Resize) -> None:
    """Write the arrays to a temporary folder, then rename it, so that readers never see an incomplete folder."""
    unfinished = folder.parent / f".{folder.name}"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    _check_room(len(dataset.train.labels) + len(dataset.test.labels), image_size, folder.parent)
    for name, split in (("train", dataset.train), ("test", dataset.test)):
        _write_images(unfinished / f"{name}_images.npy", split, image_size, resize)
        np.save(unfinished / f"{name}_labels.npy", np.array(split.labels, dtype=np.int64))
        np.save(unfinished / f"{name}_ids.npy", np.array(split.ids, dtype=np.str_))
    _write_meta(unfinished)
    if folder.exists():
        logger.warning("the prepared dataset %s was damaged and has been built again", folder.name)
        shutil.rmtree(folder)
    unfinished.rename(folder)


def _check_room(images: int, image_size: int, folder: Path) -> None:
    needed_bytes, free_bytes = images * image_size**2 * 3, shutil.disk_usage(folder).free
    if needed_bytes > free_bytes:
        fitting_size = math.isqrt(free_bytes // (images * 3))
        fits = fitting_size if fitting_size >= SMALLEST_IMAGE_SIZE else None
        raise DatasetTooLargeError(images, image_size, needed_bytes, free_bytes, fits)


def _write_images(path: Path, split: OpenSplit, image_size: int, resize: Resize) -> None:
    images = NewImageFile(path, (len(split.labels), image_size, image_size, 3))
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
