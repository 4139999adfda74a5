"""Puts a dataset on the device as uint8 images, split into train, validation and test."""
# ruff: noqa: N803, N815 - shapes in names: images_NCHW

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.data.opening import find_facts
from model.data.prepared import PreparedDataset, prepare_dataset
from model.device.device import Device
from model.errors import DatasetTooLargeError
from model.network.normalisation import Normalisation, measure_normalisation
from model.recipes.validation import validation_counts
from model.spec import DatasetFacts, ResolvedSpec
from model.storage.interface import Storage
from model.training.seeding import derive_seed

_VALIDATION = -3
"""Negative, so that this position in `derive_seed` never coincides with an epoch."""


@dataclass(frozen=True)
class Split:
    """The images of one split and their labels."""

    images_NHWC: Tensor
    """uint8."""
    labels_N: Tensor
    """int64."""
    ids_N: NDArray[np.str_]
    """Of the images in their dataset."""

    def __len__(self) -> int:
        return len(self.labels_N)


@dataclass(frozen=True)
class TrainingData:
    """All images that a training uses, on its device."""

    facts: DatasetFacts
    train: Split
    validation: Split
    """May be empty."""
    test: Split
    normalisation: Normalisation
    """Mean and standard deviation of the images in `train`."""
    is_grouped: bool = False
    """Whether near duplicates are on one side of the validation split."""


def load_training_data(
    spec: ResolvedSpec,
    storage: Storage,
    cache_dir: Path,
    device: Device,
    groups: Sequence[Sequence[int]] = (),
) -> TrainingData:
    """Prepare a dataset and copy it to the device. The spec's seed determines which images are for validation.

    Args:
        spec: names the dataset.
        storage: contains the dataset.
        cache_dir: keeps the prepared images.
        device: receives the images.
        groups: positions of training images that are nearly the same, by group.
    """
    free_bytes = device.free_memory_bytes()
    if free_bytes is not None:
        check_room(spec, find_facts(spec.dataset, storage), free_bytes, f"on {device.torch_device}")
    prepared = prepare_dataset(spec.dataset, spec.image_size, spec.resize, storage, cache_dir)
    is_validation_N = choose_validation(
        prepared.train_images_NHWC, prepared.train_labels_N, spec.validation_fraction, spec.seed, groups
    )
    train = _train_split(prepared, ~is_validation_N, device)
    return TrainingData(
        facts=prepared.facts,
        train=train,
        validation=_train_split(prepared, is_validation_N, device),
        test=_all_test_images(prepared, device),
        normalisation=measure_normalisation(train.images_NHWC),
        is_grouped=bool(groups),
    )


def check_room(
    spec: ResolvedSpec, facts: DatasetFacts, free_bytes: int, where: str, *, copies: int = 1
) -> None:
    """Raise DatasetTooLargeError if `copies` of all images, as uint8, need more than `free_bytes`."""
    images = facts.train_images + sum(facts.test_counts)
    needed_bytes = copies * images * spec.image_size**2 * 3
    if needed_bytes > free_bytes:
        each = f", in each of {copies} processes" if copies > 1 else ""
        raise DatasetTooLargeError(images, spec.image_size, needed_bytes, free_bytes, where + each)


def choose_validation(
    images_NHWC: np.ndarray,
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


def _copies(images_NHWC: np.ndarray, groups: Sequence[Sequence[int]]) -> dict[int, np.ndarray]:
    """Return the indices of the images that belong together, for each image that has others."""
    indices_of: dict[bytes, list[int]] = {}
    for index, image in enumerate(images_NHWC):
        indices_of.setdefault(hashlib.sha256(image).digest(), []).append(index)
    together: dict[int, list[int]] = {}
    for indices in (*indices_of.values(), *groups):
        if len(indices) > 1:
            united = sorted({other for index in indices for other in together.get(index, [index])})
            together.update(dict.fromkeys(united, united))
    return {index: np.array(indices) for index, indices in together.items()}


def _train_split(prepared: PreparedDataset, chosen_N: np.ndarray, device: Device) -> Split:
    images_NHWC, labels_N = prepared.train_images_NHWC, prepared.train_labels_N
    return _split(images_NHWC[chosen_N], labels_N[chosen_N], prepared.train_ids_N[chosen_N], device)


def _all_test_images(prepared: PreparedDataset, device: Device) -> Split:
    return _split(
        np.array(prepared.test_images_NHWC), np.array(prepared.test_labels_N), prepared.test_ids_N, device
    )


def _split(images_NHWC: np.ndarray, labels_N: np.ndarray, ids_N: np.ndarray, device: Device) -> Split:
    """Place copies of the images on the device: the cache's files are memory maps."""
    labels = torch.from_numpy(labels_N).long()
    return Split(device.place(torch.from_numpy(images_NHWC)), device.place(labels), ids_N)
