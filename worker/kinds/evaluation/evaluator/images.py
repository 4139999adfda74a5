"""The images that a model is evaluated on, with the labels as the model numbers its classes. Imports no torch."""
# ruff: noqa: N815 - shapes in names: labels_N

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.data.prepared.dataset import PreparedDataset
from model.data.prepared.image_file import ImageFile
from model.errors import NoCommonClassError
from model.spec import DatasetFacts
from worker.kinds.chosen_splits import chosen_splits
from worker.queue.records import EvaluatedSplit


@dataclass(frozen=True)
class EvaluatedImages:
    """Images of classes that the model has."""

    facts: DatasetFacts
    parts: Sequence[tuple[ImageFile, NDArray[np.int64]]]
    """The images of each split, and the positions of those that are evaluated."""
    labels_N: NDArray[np.int64]
    ids_N: NDArray[np.str_]
    unknown_classes: dict[str, int]
    """How many images were left out, by class."""

    def batches(self, size: int) -> Iterator[tuple[ImageFile, NDArray[np.int64]]]:
        """Yield the images in batches: a file and the positions of the batch's images."""
        for file, rows_M in self.parts:
            for start in range(0, len(rows_M), size):
                yield file, rows_M[start : start + size]


def choose_images(
    prepared: PreparedDataset, split: EvaluatedSplit, classes: Sequence[str]
) -> EvaluatedImages:
    """Choose the images of a dataset whose class is one of these; raises NoCommonClassError when there are none."""
    of_dataset = prepared.facts.classes
    number_of = {name: number for number, name in enumerate(classes)}
    numbers_K = np.array([number_of.get(name, -1) for name in of_dataset], np.int64)
    parts, labels, ids, unknown = [], [], [], Counter[str]()
    for images in chosen_splits(prepared, split):
        is_known_N = numbers_K[images.labels_N] >= 0
        rows_M = np.flatnonzero(is_known_N)
        parts.append((images.images, rows_M))
        labels.append(numbers_K[images.labels_N[rows_M]])
        ids.append(images.ids_N[rows_M])
        unknown.update(of_dataset[label] for label in images.labels_N[~is_known_N])
    labels_N = np.concatenate(labels)
    if not len(labels_N):
        raise NoCommonClassError(classes, of_dataset)
    return EvaluatedImages(
        prepared.facts, parts, labels_N, np.concatenate(ids), dict(sorted(unknown.items()))
    )
