"""The training images of a dataset, by content and by perceptual hash, without opening an image."""
# ruff: noqa: N803 - shapes in names: hashes_N

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from zipfile import BadZipFile, ZipFile

import numpy as np
from numpy.typing import NDArray

from model.data.built_in.facts import BUILT_IN
from model.data.built_in.hashes import read_built_in_hashes
from model.data.duplicates.candidates import MAX_BITS
from model.data.files.image_ids import image_ids
from model.data.record import IMAGES_FILE, dataset_key
from model.data.report.index_file import INDEX_FILE, open_read_only
from model.errors import ObjectMissingError
from model.storage.interface import Storage

_PAIRS_AT_ONCE = 2**23


@dataclass(frozen=True)
class TrainingImages:
    """What is known of the training images of a dataset."""

    contents: frozenset[str]
    """The content of each image; see `content_of`."""
    hashes_M: NDArray[np.uint64]  # noqa: N815 - the shape
    """The perceptual hashes; none for a dataset of an earlier release."""

    def looks_like_one(self, hashes_N: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Return for each hash [N] whether a training image has nearly the same one.

        Images that are nearly the same have such hashes. Some that are not have them, too: these are the price.
        """
        found_N = np.zeros(len(hashes_N), np.bool_)
        rows = max(1, _PAIRS_AT_ONCE // max(1, len(self.hashes_M)))
        for begin in range(0, len(hashes_N) if len(self.hashes_M) else 0, rows):
            different_NM = hashes_N[begin : begin + rows, None] ^ self.hashes_M[None, :]
            found_N[begin : begin + rows] = (np.bitwise_count(different_NM) <= MAX_BITS).any(1)
        return found_N


def content_of(image_id: str) -> str:
    """Return what the ids of all copies of an image have in common, in whichever dataset they are."""
    return image_id.partition("-")[0]


def read_training_images(dataset: str, storage: Storage) -> TrainingImages | None:
    """Return the training images of a dataset; None when it was deleted or is damaged.

    Of a built-in dataset only the hashes are known, once a training of this release has read it.
    """
    if dataset in BUILT_IN:
        built_in = read_built_in_hashes(dataset, storage)
        return TrainingImages(frozenset(), built_in.train_N) if built_in else None
    try:
        rows = _read_index(dataset, storage, "split = 'train'")
        if rows is None:
            return TrainingImages(_contents_of_zip(dataset, storage), np.empty(0, np.uint64))
    except (ObjectMissingError, BadZipFile, sqlite3.Error):
        return None
    hashes = [hash_ for _, hash_ in rows if hash_ is not None]
    return TrainingImages(
        frozenset(content_of(image_id) for image_id, _ in rows), np.array(hashes, np.int64).view(np.uint64)
    )


def read_hashes(dataset: str, ids: Iterable[str], storage: Storage) -> NDArray[np.uint64] | None:
    """Return the perceptual hash of each of these images of a dataset; None when they are not all known."""
    if dataset in BUILT_IN:
        built_in = read_built_in_hashes(dataset, storage)
        return built_in.of(ids) if built_in else None
    try:
        rows = _read_index(dataset, storage, "hash IS NOT NULL")
    except (ObjectMissingError, sqlite3.Error):
        return None
    known = dict(rows or ())
    found = [known.get(image_id) for image_id in ids]
    if None in found:
        return None
    return np.array(found, np.int64).view(np.uint64)


def _read_index(dataset: str, storage: Storage, condition: str) -> list[tuple[str, int | None]] | None:
    """Return ids and hashes of images; None when the dataset has no index."""
    key = dataset_key(dataset, INDEX_FILE)
    if not storage.exists(key):
        return None
    query = f"SELECT id, hash FROM images WHERE {condition}"  # noqa: S608 - no values
    with storage.as_file(key) as path, open_read_only(path) as index:
        return [(image_id, hash_) for image_id, hash_ in index.execute(query)]


def _contents_of_zip(dataset: str, storage: Storage) -> frozenset[str]:
    with storage.as_file(dataset_key(dataset, IMAGES_FILE)) as path, ZipFile(path) as archive:
        names = [name.split("/") for name in archive.namelist()]
    ids = image_ids(parts[2] for parts in names)
    return frozenset(content_of(one) for one, parts in zip(ids, names, strict=True) if parts[0] == "train")
