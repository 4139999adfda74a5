"""The file of what a model predicts for each image of a split, from which every score can be computed again.

It is read by numpy alone, without torch and without the network.
"""
# ruff: noqa: N815 - shapes in names: logits_NK

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from model.artifact.files import read_file
from model.artifact.manifest import Manifest
from model.errors import CorruptArtifactError, NoEvaluationError
from model.storage.interface import Storage

PREDICTIONS_FILE = "predictions.safetensors"
_FORMAT = "1"
_TYPES = {"logits": np.float32, "labels": np.int64, "groups": np.int32, "ids": np.uint8}


@dataclass(frozen=True)
class StoredPredictions:
    """Predictions for the images of a split, in the order of the split."""

    logits_NK: NDArray[np.float32]
    """Before the temperature: probabilities are softmax(logits / temperature)."""
    labels_N: NDArray[np.int64]
    groups_N: NDArray[np.int32]
    """The number of each image's group of near-duplicates within the split; -1 of an image alone."""
    ids_N: NDArray[np.str_]
    """Of the images in their dataset."""

    def __len__(self) -> int:
        return len(self.labels_N)


def serialise_predictions(predictions: StoredPredictions) -> bytes:
    """Return the contents of the file, in safetensors format. Image ids are ASCII, padded with zeros."""
    ids_N = np.char.encode(predictions.ids_N, "ascii")
    tensors: dict[str, NDArray[Any]] = {
        "logits": np.ascontiguousarray(predictions.logits_NK, np.float32),
        "labels": np.ascontiguousarray(predictions.labels_N, np.int64),
        "groups": np.ascontiguousarray(predictions.groups_N, np.int32),
        "ids": np.ascontiguousarray(ids_N).view(np.uint8).reshape(len(ids_N), -1),
    }
    return bytes(save(tensors, {"format": _FORMAT}))


def read_predictions(storage: Storage, manifest: Manifest) -> StoredPredictions:
    """Read the predictions of a model for the test split of its dataset.

    Raises:
        NoEvaluationError: the model was published by an earlier release, which stored no predictions.
        CorruptArtifactError: the stored predictions are damaged or not those that were published.
        StorageError: the predictions cannot be read.
    """
    if PREDICTIONS_FILE not in manifest.files:
        raise NoEvaluationError(manifest.name, manifest.version)
    return parse_predictions(read_file(storage, manifest, PREDICTIONS_FILE), len(manifest.classes))


def parse_predictions(data: bytes, classes: int) -> StoredPredictions:
    """Read the contents of a file of predictions for this number of classes; raises CorruptArtifactError."""
    try:
        arrays = load(data)
        _check_format(data)
        logits_NK, labels_N, groups_N, ids_NL = (_typed(arrays, name) for name in _TYPES)
        _check_shapes(arrays, classes)
        ids_N = ids_NL.view(f"S{ids_NL.shape[1]}")[:, 0].astype(np.str_)
    except (SafetensorError, ValueError, KeyError) as error:
        raise CorruptArtifactError(
            f"The stored predictions cannot be read ({error}): evaluate the model again, or restore a backup."
        ) from error
    return StoredPredictions(logits_NK, labels_N, groups_N, ids_N)


def _check_format(data: bytes) -> None:
    header_bytes = int.from_bytes(data[:8], "little")
    found = json.loads(data[8 : 8 + header_bytes]).get("__metadata__", {}).get("format")
    if found != _FORMAT:
        raise ValueError(f"their format is {found!r}, and this release reads format {_FORMAT!r}")


def _typed(arrays: dict[str, NDArray[Any]], name: str) -> NDArray[Any]:
    array = arrays[name]
    if array.dtype != _TYPES[name]:
        raise ValueError(f"{name} are {array.dtype}")
    return array


def _check_shapes(arrays: dict[str, NDArray[Any]], classes: int) -> None:
    count, length = len(arrays["labels"]), arrays["ids"].shape[-1]
    shapes = {"logits": (count, classes), "labels": (count,), "groups": (count,), "ids": (count, length)}
    for name, shape in shapes.items():
        if arrays[name].shape != shape or 0 in shape:
            raise ValueError(f"{name} have the shape {list(arrays[name].shape)}")
    if not np.isfinite(arrays["logits"]).all():
        raise ValueError("a logit is not a finite number")
    if (arrays["labels"] < 0).any() or (arrays["labels"] >= classes).any():
        raise ValueError("a label is no class of the model")
    if (arrays["groups"] < -1).any():
        raise ValueError("a group is below -1")
