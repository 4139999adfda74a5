"""Opens a dataset for training: uint8 images, split into train, validation and test, on the device or in a file."""
# ruff: noqa: N803, N815 - shapes in names: images_NCHW

import hashlib
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.data.built_in.hashes import store_built_in_hashes
from model.data.prepared.cache import DEFAULT_LIMITS, CacheLimits
from model.data.prepared.dataset import PreparedDataset, PreparedSplit, prepare_dataset
from model.data.prepared.images_in_file import ImagesInFile
from model.device.device import Device
from model.network.images import Images
from model.network.normalisation import Normalisation, measure_normalisation
from model.recipes.validation import validation_counts
from model.spec import DatasetFacts, ResolvedSpec
from model.storage.interface import Storage
from model.training.seeding import derive_seed

_VALIDATION = -3
"""Negative, so that this position in `derive_seed` never coincides with an epoch."""
_LARGEST_SHARE = 0.5
"""Of a GPU's free memory that images may take; network and activations need the rest."""
_CHUNK_BYTES = 64 << 20
"""Images are copied to a GPU in chunks of this size."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Split:
    """The images of one split and their labels."""

    images_NHWC: Images
    labels_N: Tensor
    """int64, on the device."""
    ids_N: NDArray[np.str_]
    """Of the images in their dataset."""

    def __len__(self) -> int:
        return len(self.labels_N)


@dataclass(frozen=True)
class TrainingData:
    """All images that a training uses."""

    facts: DatasetFacts
    train: Split
    validation: Split
    """May be empty."""
    test: Split
    normalisation: Normalisation
    """Mean and standard deviation of the images in `train`."""
    is_grouped: bool = False
    """Whether near duplicates are on one side of the validation split."""
    prepared: PreparedDataset | None = None
    """Is kept open while this attempt trains, also with images on a GPU: the cache then keeps it for the next attempt."""


def load_training_data(
    spec: ResolvedSpec,
    storage: Storage,
    cache_dir: Path,
    device: Device,
    groups: Sequence[Sequence[int]] = (),
    *,
    cache_limits: CacheLimits = DEFAULT_LIMITS,
) -> TrainingData:
    """Prepare a dataset. The spec's seed determines which images are for validation.

    The images are copied to a GPU that has room for them. Otherwise, and on CPUs, each batch is read from the cache's
    file, which the kernel keeps in memory as long as there is room.

    Args:
        spec: names the dataset.
        storage: contains the dataset.
        cache_dir: keeps the prepared images.
        device: receives the images.
        groups: positions of training images that are nearly the same, by group.
        cache_limits: when other prepared datasets are deleted.
    """
    store_built_in_hashes(spec.dataset, storage, cache_dir)
    prepared = prepare_dataset(
        spec.dataset, spec.image_size, spec.resize, storage, cache_dir, limits=cache_limits
    )
    is_validation_N = choose_validation(
        prepared.train.images, prepared.train.labels_N, spec.validation_fraction, spec.seed, groups
    )
    is_on_device = _fits_on_device(prepared, device)
    train = _split(prepared.train, np.flatnonzero(~is_validation_N), device, is_on_device=is_on_device)
    validation = _split(prepared.train, np.flatnonzero(is_validation_N), device, is_on_device=is_on_device)
    all_test_N = np.arange(len(prepared.test.images))
    return TrainingData(
        facts=prepared.facts,
        train=train,
        validation=validation,
        test=_split(prepared.test, all_test_N, device, is_on_device=is_on_device),
        normalisation=measure_normalisation(train.images_NHWC),
        is_grouped=bool(groups),
        prepared=prepared,
    )


def _fits_on_device(prepared: PreparedDataset, device: Device) -> bool:
    free_bytes = device.free_memory_bytes()
    if free_bytes is None:
        return False
    needed_bytes = sum(split.images.size_bytes for split in (prepared.train, prepared.test))
    fits = needed_bytes <= _LARGEST_SHARE * free_bytes
    if not fits:
        _log.info(
            "the images (%.2f GB) are read from the disk's cache: %.2f GB of memory are free on %s",
            needed_bytes / 1e9,
            free_bytes / 1e9,
            device.torch_device,
        )
    return fits


def choose_validation(
    images_NHWC: Iterable[np.ndarray],
    labels_N: np.ndarray,
    fraction: float,
    seed: int,
    groups: Sequence[Sequence[int]] = (),
) -> np.ndarray:
    """Choose validation images at random within each class; return bool [N].

    Equal images are on the same side, and so are the images of a group, given by their indices.
    Without such images each class has as many validation images as `validation_counts` says; with them it may have fewer,
    or, if all of its images have many copies, more.
    """
    copies = _copies(images_NHWC, groups)
    counts = validation_counts(np.bincount(labels_N).tolist(), fraction)
    is_chosen_N, is_decided_N = np.zeros(len(labels_N), dtype=bool), np.zeros(len(labels_N), dtype=bool)
    for label, count in enumerate(counts):
        random = np.random.default_rng(derive_seed(seed, _VALIDATION, label))
        of_class_N = np.flatnonzero(labels_N == label)
        wanted = count - int(is_chosen_N[of_class_N].sum())  # some may have a copy in another class
        for index in random.permutation(of_class_N):
            if wanted <= 0:
                break
            if is_decided_N[index]:
                continue
            equal_N = copies.get(int(index), np.array([index]))
            size = int((labels_N[equal_N] == label).sum())
            is_decided_N[equal_N] = True
            if size <= wanted or (wanted == count and 2 * size <= len(of_class_N)):
                is_chosen_N[equal_N] = True
                wanted -= size
        for index in of_class_N:
            is_decided_N[copies.get(int(index), index)] = True
    return is_chosen_N


def _copies(images_NHWC: Iterable[np.ndarray], groups: Sequence[Sequence[int]]) -> dict[int, np.ndarray]:
    """Return the indices of the images that belong together, for each image that has others."""
    indices_of: dict[bytes, list[int]] = {}
    for index, image in enumerate(images_NHWC):
        indices_of.setdefault(hashlib.sha256(image.data).digest(), []).append(index)
    together: dict[int, list[int]] = {}
    for indices in (*indices_of.values(), *groups):
        if len(indices) > 1:
            united = sorted({other for index in indices for other in together.get(index, [index])})
            together.update(dict.fromkeys(united, united))
    return {index: np.array(indices) for index, indices in together.items()}


def _split(prepared: PreparedSplit, rows_N: np.ndarray, device: Device, *, is_on_device: bool) -> Split:
    """Return the split of the images at these positions of a prepared split."""
    images: Images = ImagesInFile(prepared.images, rows_N, device)
    if is_on_device:
        images = _copy_to_device(images, device)
    return Split(images, device.place(torch.from_numpy(prepared.labels_N[rows_N])), prepared.ids_N[rows_N])


def _copy_to_device(images_NHWC: Images, device: Device) -> Tensor:
    copy_NHWC = torch.empty(tuple(images_NHWC.shape), dtype=torch.uint8, device=device.torch_device)
    step = max(1, _CHUNK_BYTES // copy_NHWC[:1].numel()) if len(copy_NHWC) else 1
    for start in range(0, len(copy_NHWC), step):
        copy_NHWC[start : start + step] = images_NHWC[start : start + step]
    return copy_NHWC
