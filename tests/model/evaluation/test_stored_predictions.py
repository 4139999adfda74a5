import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import load, save

from model.errors import CorruptArtifactError, NoEvaluationError
from model.evaluation.stored_predictions import (
    StoredPredictions,
    parse_predictions,
    read_predictions,
    serialise_predictions,
)
from model.storage.interface import Storage
from tests.model.manifests import draft, published

PREDICTIONS = StoredPredictions(
    np.array([[0.5, -1.0], [2.0, 0.25], [1.0, 3.0]], np.float32),
    np.array([0, 1, 1]),
    np.array([-1, 0, 0], np.int32),
    np.array(["img_0123", "img_0123-2", "test-17"]),
)


def test_predictions_are_read_as_they_were_written() -> None:
    read = parse_predictions(serialise_predictions(PREDICTIONS), 2)
    assert (read.logits_NK == PREDICTIONS.logits_NK).all()
    assert read.labels_N.tolist() == [0, 1, 1]
    assert read.groups_N.tolist() == [-1, 0, 0]
    assert read.ids_N.tolist() == ["img_0123", "img_0123-2", "test-17"]


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("logits", np.zeros((3, 5), np.float32), "shape"),
        ("logits", np.full((3, 2), np.nan, np.float32), "finite"),
        ("logits", np.zeros((3, 2)), "float64"),
        ("labels", np.array([0, 1]), "shape"),
        ("labels", np.array([0, 1, 2]), "no class"),
        ("groups", np.array([0, 1, -2], np.int32), "below -1"),
        ("ids", np.zeros(3, np.uint8), "shape"),
        ("ids", np.full((3, 4), 200, np.uint8), "decode"),
        ("ids", None, "ids"),
    ],
)
def test_wrong_contents_are_refused(name: str, array: np.ndarray | None, message: str) -> None:
    arrays = load(serialise_predictions(PREDICTIONS))
    if array is None:
        del arrays[name]
    else:
        arrays[name] = array
    with pytest.raises(CorruptArtifactError, match=message):
        parse_predictions(save(arrays, {"format": "1"}), 2)


def test_another_format_is_refused() -> None:
    arrays = load(serialise_predictions(PREDICTIONS))
    for metadata in (None, {"format": "2"}):
        with pytest.raises(CorruptArtifactError, match="reads format '1'"):
            parse_predictions(save(arrays, metadata), 2)


@pytest.mark.parametrize("length", [0, 5, 100, -1])
def test_a_file_that_is_cut_short_is_refused(length: int) -> None:
    with pytest.raises(CorruptArtifactError, match="evaluate the model again"):
        parse_predictions(serialise_predictions(PREDICTIONS)[:length], 2)


def test_a_model_of_an_earlier_release_has_no_predictions(storage: Storage) -> None:
    with pytest.raises(NoEvaluationError, match="train it again"):
        read_predictions(storage, published("mdl_1", draft()))


def test_evaluating_imports_no_torch() -> None:
    code = "import sys, model.evaluation.evaluating, model.data.report.near_duplicates; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
