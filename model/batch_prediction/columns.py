"""What rows are searched by: label and score of each one, in one file, so that a search does not read all parts."""
# ruff: noqa: N803, N815 - shapes in names: labels_N

import json
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from model.batch_prediction.rows import Row, folder_of
from model.errors import CorruptArtifactError
from model.storage.interface import Storage

NO_LABEL = -1


@dataclass(frozen=True)
class Columns:
    """Label, score and abstention of each row, in the order of the rows."""

    labels: list[str]
    """All labels that occur."""
    labels_N: NDArray[np.int32]
    """The place in `labels`; `NO_LABEL` for a file with an error."""
    scores_N: NDArray[np.float64]
    """NaN for a file with an error."""
    abstained_N: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.labels_N)

    @property
    def size_bytes(self) -> int:
        """Memory of the arrays."""
        return self.labels_N.nbytes + self.scores_N.nbytes + self.abstained_N.nbytes

    def count_labels(self, taken_N: NDArray[np.bool_] | None = None) -> dict[str, int]:
        """Return how many rows have each label, of all rows or of those that are taken."""
        labels_N = self.labels_N if taken_N is None else self.labels_N[taken_N]
        counts = np.bincount(labels_N[labels_N != NO_LABEL], minlength=len(self.labels))
        return {label: int(count) for label, count in zip(self.labels, counts, strict=True) if count}


@dataclass
class ColumnsBuilder:
    """Collects the columns of rows, 13 bytes a row."""

    _numbers: dict[str, int] = field(default_factory=dict)
    _labels: "array[int]" = field(default_factory=lambda: array("i"))
    _scores: "array[float]" = field(default_factory=lambda: array("d"))
    _abstained: bytearray = field(default_factory=bytearray)

    def __len__(self) -> int:
        return len(self._labels)

    def add(self, rows: Sequence[Row]) -> None:
        """Add the next rows."""
        for row in rows:
            number = NO_LABEL
            if row.label is not None:
                number = self._numbers.setdefault(row.label, len(self._numbers))
            self._labels.append(number)
            self._scores.append(float("nan") if row.score is None else row.score)
            self._abstained.append(row.abstained)

    def build(self) -> Columns:
        """Return the columns of the rows so far."""
        return Columns(
            list(self._numbers),
            np.frombuffer(self._labels.tobytes(), np.int32),
            np.frombuffer(self._scores.tobytes(), np.float64),
            np.frombuffer(bytes(self._abstained), np.bool_),
        )


def columns_key(prediction_id: str) -> str:
    """Return the storage key of the columns."""
    return f"{folder_of(prediction_id)}/columns.safetensors"


def store_columns(storage: Storage, prediction_id: str, columns: Columns) -> None:
    """Store columns; equal rows make equal bytes, so that a second attempt may store them again."""
    tensors: dict[str, NDArray[Any]] = {
        "names": np.frombuffer(json.dumps(columns.labels).encode(), np.uint8),
        "labels": columns.labels_N,
        "scores": columns.scores_N,
        "abstained": columns.abstained_N,
    }
    storage.put_bytes(columns_key(prediction_id), bytes(save(tensors)))


def read_columns(storage: Storage, prediction_id: str) -> Columns:
    """Read the columns of a batch prediction that has succeeded.

    Raises:
        CorruptArtifactError: they are damaged.
        StorageError: they cannot be read.
    """
    data = storage.read_bytes(columns_key(prediction_id))
    try:
        tensors = load(data)
        labels = json.loads(tensors["names"].tobytes())
        return Columns(labels, tensors["labels"], tensors["scores"], tensors["abstained"])
    except (SafetensorError, ValueError, KeyError) as error:
        raise CorruptArtifactError(
            f"The columns of {prediction_id} are damaged in storage: restore them from a backup, or predict again."
        ) from error
