"""The perceptual hashes of the images of built-in datasets, which trainings store for later comparisons."""
# ruff: noqa: N815 - shapes in names: train_N

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.data.built_in.facts import BUILT_IN
from model.data.duplicates.hashes import hash_images
from model.data.images import miniature_of
from model.data.record import dataset_key
from model.data.sources.pixels import Pixels
from model.data.sources.published_files import BUILT_IN_FILES
from model.data.sources.reading import read_built_in
from model.errors import ObjectExistsError
from model.storage.interface import Storage

HASHES_FILE = "hashes.npz"


@dataclass(frozen=True)
class BuiltInHashes:
    """The hashes of the images of both splits, in the order of the dataset."""

    train_N: NDArray[np.uint64]
    test_N: NDArray[np.uint64]

    def of(self, ids: Iterable[str]) -> NDArray[np.uint64]:
        """Return the hashes [N] of images, whose ids are `train-0`, `test-0` and so on."""
        parts = (image_id.split("-") for image_id in ids)
        return np.array(
            [(self.test_N if split == "test" else self.train_N)[int(number)] for split, number in parts],
            np.uint64,
        )


def store_built_in_hashes(dataset: str, storage: Storage, cache_dir: Path) -> None:
    """Store the hashes of a built-in dataset that is downloaded, unless storage has them. Other datasets have an index.

    Raises:
        DatasetUnavailableError: the dataset cannot be downloaded.
    """
    key = dataset_key(dataset, HASHES_FILE)
    if dataset not in BUILT_IN or not BUILT_IN_FILES[dataset] or storage.exists(key):
        return
    hashes, file = _hash_all(dataset, cache_dir), BytesIO()
    np.savez(file, train=hashes.train_N, test=hashes.test_N)
    with suppress(ObjectExistsError):
        storage.put_bytes(key, file.getvalue())


def read_built_in_hashes(dataset: str, storage: Storage) -> BuiltInHashes | None:
    """Return the hashes of a built-in dataset; None when it is downloaded and no training has stored them."""
    if not BUILT_IN_FILES[dataset]:
        return _hash_included(dataset)
    key = dataset_key(dataset, HASHES_FILE)
    if not storage.exists(key):
        return None
    with np.load(BytesIO(storage.read_bytes(key))) as arrays:
        return BuiltInHashes(arrays["train"], arrays["test"])


@cache
def _hash_included(dataset: str) -> BuiltInHashes:
    """Return the hashes of a dataset that comes with the program: 0.3 s of CPU time, and a comparison asks several times."""
    return _hash_all(dataset, Path())


def _hash_all(dataset: str, cache_dir: Path) -> BuiltInHashes:
    train, test = read_built_in(dataset, cache_dir)
    return BuiltInHashes(_hash(train), _hash(test))


def _hash(pixels: Pixels) -> NDArray[np.uint64]:
    return hash_images(np.stack([miniature_of(Image.fromarray(image)) for image in pixels.images_NHWC]))
