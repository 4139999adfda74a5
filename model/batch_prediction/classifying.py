"""Classifies images part by part and stores the rows; continues behind the parts that an earlier attempt stored."""
# ruff: noqa: N803 - shapes in names

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from model.artifact.answers import abstains
from model.batch_prediction.columns import Columns, ColumnsBuilder, store_columns
from model.batch_prediction.options import PredictionOptions
from model.batch_prediction.rows import (
    PART_ROWS,
    Row,
    RowScore,
    read_rows,
    rows_key,
    serialise_rows,
    stored_parts,
    thumbnails_key,
)
from model.batch_prediction.sources import ImageSource, ReadImage
from model.errors import ObjectExistsError
from model.evaluation.best_classes import best_classes
from model.evaluation.views import label_set, mirrored, scores_of_views
from model.storage.interface import Storage

_BATCH = 64


class Network(Protocol):
    """Computes the calibrated probabilities of images."""

    def classify(self, images_NHWC: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return float32 [N, classes] for uint8 images."""
        ...


@dataclass(frozen=True)
class Answering:
    """What each answer has."""

    classes: list[str]
    options: PredictionOptions
    least_probability: float | None = None
    """From which on a class is in an image's set of labels; None: without sets."""

    def row(self, index: int, read: ReadImage, scores_K: NDArray[np.float32] | None) -> Row:
        """Return the row of one file; without scores there is an error."""
        if scores_K is None:
            return Row(index=index, file=read.file, image=read.image, status="error", error=read.error)
        best = best_classes(scores_K, self.options.top_k)
        scores = [RowScore(label=self.classes[k], score=score) for k, score in best]
        return Row(
            index=index,
            file=read.file,
            image=read.image,
            label=scores[0].label,
            score=scores[0].score,
            abstained=abstains(
                scores[0].label, scores[0].score, self.options.min_score, self.options.min_scores
            ),
            scores=scores,
            label_set=self._label_set(scores_K),
        )

    def _label_set(self, scores_K: NDArray[np.float32]) -> list[str] | None:
        if self.least_probability is None:
            return None
        return label_set(scores_K, self.classes, self.least_probability)


def classify_all(
    storage: Storage,
    prediction_id: str,
    images: ImageSource,
    network: Network,
    *,
    answering: Answering,
    on_stored: Callable[[int, int], None],
) -> Columns:
    """Store a row for each image, and their columns; return the columns.

    Args:
        storage: receives the parts.
        prediction_id: names their folder.
        images: in the same order in every attempt.
        network: computes the scores.
        answering: what the rows say of the scores.
        on_stored: receives the number of images whose rows are stored, and of all images.

    Raises:
        ModelError: storage or the images cannot be read.
    """
    found = ColumnsBuilder()
    for rows in stored_parts(storage, prediction_id):
        found.add(rows)
    on_stored(len(found), len(images))
    for start in range(len(found), len(images), PART_ROWS):
        read = images.read(start, min(start + PART_ROWS, len(images)))
        scores = _scores(network, read, tta=answering.options.tta)
        rows = [answering.row(start + n, one, scores[n]) for n, one in enumerate(read)]
        found.add(_store(storage, prediction_id, start // PART_ROWS, rows, read))
        on_stored(len(found), len(images))
    columns = found.build()
    store_columns(storage, prediction_id, columns)
    return columns


def _scores(network: Network, read: Sequence[ReadImage], *, tta: bool) -> list[NDArray[np.float32] | None]:
    scores: list[NDArray[np.float32] | None] = [None] * len(read)
    readable = [(n, one.pixels_HWC) for n, one in enumerate(read) if one.pixels_HWC is not None]
    for start in range(0, len(readable), _BATCH):
        batch = readable[start : start + _BATCH]
        classify = partial(_classify_mirrored, network) if tta else network.classify
        for (n, _), scores_K in zip(batch, classify(np.stack([pixels for _, pixels in batch])), strict=True):
            scores[n] = scores_K
    return scores


def _classify_mirrored(network: Network, images_NHWC: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
    """Return the scores of each image and its mirror image together."""
    views = [images_NHWC, np.stack([mirrored(image_HWC) for image_HWC in images_NHWC])]
    pairs_NVK = zip(*(network.classify(view_NHWC) for view_NHWC in views), strict=True)
    return [scores_of_views(np.stack(pair_VK)) for pair_VK in pairs_NVK]


def _store(
    storage: Storage, prediction_id: str, part: int, rows: Sequence[Row], read: Sequence[ReadImage]
) -> Sequence[Row]:
    """Store a part, its thumbnails first; an attempt that was replaced may have stored the same part: then that counts."""
    thumbnails = b"".join(one.thumbnail for one in read)
    name = hashlib.sha256(thumbnails).hexdigest()[:16]
    placed, end = [], 0
    for row, one in zip(rows, read, strict=True):
        place = (name, end, len(one.thumbnail)) if one.thumbnail else None
        placed.append(row.model_copy(update={"thumbnail": place}))
        end += len(one.thumbnail)
    if thumbnails:
        storage.put_bytes(thumbnails_key(prediction_id, name), thumbnails)
    try:
        storage.put_bytes(rows_key(prediction_id, part), serialise_rows(placed))
    except ObjectExistsError:
        return read_rows(storage, prediction_id, part)
    return placed
