"""Which images of a dataset a model, and the models from whose weights it comes, were trained on."""
# ruff: noqa: N803, N815 - shapes in names: ids_N

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from model.artifact.manifest import Manifest
from model.comparison.ancestry import ancestry_of
from model.comparison.training_images import content_of, read_hashes, read_training_images
from model.data.built_in.facts import BUILT_IN
from model.data.record import IMAGES_FILE, dataset_key
from model.evaluation.evaluation import TrainingOverlap, UnseenScores
from model.evaluation.intervals import wilson_interval
from model.evaluation.stored_predictions import StoredPredictions
from model.storage.interface import Storage


@dataclass(frozen=True)
class SeenImages:
    """What is known of N images."""

    trained_N: NDArray[np.bool_]
    """The image itself was trained on."""
    near_N: NDArray[np.bool_]
    """It looks like an image that was trained on; see `TrainingImages.looks_like_one`."""
    has_unknown: bool
    """Whether more may have been seen: a dataset is gone, or cannot be compared."""


def seen_by(manifest: Manifest, dataset: str, ids_N: NDArray[np.str_], storage: Storage) -> SeenImages:
    """Return which images of a dataset a model, or a model from whose weights it started, was trained on.

    Raises:
        StorageError: storage fails.
    """
    ancestry = ancestry_of(manifest, storage)
    seen = find_seen(ancestry.datasets | {manifest.dataset.id}, dataset, ids_N, storage)
    return replace(seen, has_unknown=seen.has_unknown or ancestry.has_unknown)


def find_seen(datasets: Iterable[str], own: str, ids_N: NDArray[np.str_], storage: Storage) -> SeenImages:
    """Return which images of the dataset `own` are training images of these datasets, or look like one.

    `own` may be one of them: it keeps images that look like its test images out of its training.

    Raises:
        StorageError: storage fails.
    """
    trained_N, near_N, has_unknown = np.zeros(len(ids_N), np.bool_), np.zeros(len(ids_N), np.bool_), False
    contents = [content_of(image_id) for image_id in ids_N.tolist()]
    for dataset in sorted(datasets):
        if dataset == own in BUILT_IN:
            trained_N |= np.char.startswith(ids_N, "train-")
            continue
        images = read_training_images(dataset, storage)
        if images is None:
            has_unknown = True
            continue
        trained_N |= np.array([content in images.contents for content in contents], np.bool_)
        if dataset == own:
            continue
        hashes_N = read_hashes(own, ids_N.tolist(), storage)
        if hashes_N is not None:
            near_N |= images.looks_like_one(hashes_N)
        elif (dataset in BUILT_IN) != (own in BUILT_IN) or _is_gone(own, storage):
            # The ids of built-in images tell nothing about those of other datasets, and without its hashes nothing
            # tells which images of a deleted dataset look like training images.
            has_unknown = True
    return SeenImages(trained_N, near_N, has_unknown)


def _is_gone(dataset: str, storage: Storage) -> bool:
    return dataset not in BUILT_IN and not storage.exists(dataset_key(dataset, IMAGES_FILE))


def training_overlap(seen: SeenImages, predictions: StoredPredictions) -> TrainingOverlap:
    """Return how many of the predicted images were seen, and how good the predictions for the others are."""
    near_N = seen.near_N & ~seen.trained_N
    is_right_N = predictions.logits_NK.argmax(1) == predictions.labels_N
    is_right_M = is_right_N[~(seen.trained_N | near_N)]
    images, accuracy = len(is_right_M), float(is_right_M.mean()) if len(is_right_M) else 0.0
    unseen = (
        UnseenScores(images=images, accuracy=accuracy, ci95=wilson_interval(accuracy, images))
        if images
        else None
    )
    return TrainingOverlap(
        trained_on=int(seen.trained_N.sum()),
        near_training=int(near_N.sum()),
        is_complete=not seen.has_unknown,
        unseen=unseen,
    )
