"""The pictures are well-formed SVG that loads nothing, whatever the numbers and names are."""

from collections.abc import Sequence
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from model.artifact.manifest import DatasetReference
from model.bundle.curves import draw_curves
from model.bundle.epochs import EpochMetrics, TrainingEpochs, parse_epochs
from model.bundle.matrix import draw_matrix
from model.evaluation.evaluating import evaluate
from model.evaluation.stored_predictions import StoredPredictions

SVG = "{http://www.w3.org/2000/svg}"


def texts(picture: str) -> list[str]:
    root = ET.fromstring(picture)  # noqa: S314 - made here
    assert not list(root.iter(f"{SVG}script"))
    assert "prefers-color-scheme:dark" in picture
    return [element.text or "" for element in root.iter(f"{SVG}text")]


def draw(classes: Sequence[str]) -> str:
    count = 3 * len(classes)
    labels_N = np.arange(count) % len(classes)
    logits_NK = np.eye(len(classes), dtype=np.float32)[
        (labels_N + (np.arange(count) < len(classes))) % len(classes)
    ]
    ids_N = np.array([f"img_{number}" for number in range(count)])
    predictions = StoredPredictions(logits_NK, labels_N, np.full(count, -1, np.int32), ids_N)
    reference = DatasetReference(id="ds_x", name="shapes", content_hash="0" * 64)
    return draw_matrix(evaluate(predictions, list(classes), 1.0, reference))


def test_the_matrix_shows_each_count_and_escapes_names() -> None:
    shown = texts(draw(["cat", "<script>&\x00", "a name that is much longer than there is room for"]))
    assert {"cat", "<script>&\ufffd", "a name that is much lon…"} <= set(shown)
    assert (shown.count("2"), shown.count("1")) == (3, 3)


@pytest.mark.parametrize(("classes", "title"), [(2, "Confusion matrix"), (150, "Confusion matrix"), (201, "Most frequent confusions")])  # fmt: skip
def test_any_number_of_classes_is_drawn(classes: int, title: str) -> None:
    picture = draw([f"class {number}" for number in range(classes)])
    assert title in texts(picture)
    assert len(picture) < 300_000


def test_the_curves_name_training_and_validation() -> None:
    epochs = [
        EpochMetrics(epoch=e, train_loss=2 / e, train_accuracy=1 - 1 / e, val_loss=2.2 / e, val_accuracy=0.9 - 0.8 / e)
        for e in range(1, 13)
    ]  # fmt: skip
    shown = texts(draw_curves(epochs))
    assert (shown.count("training"), shown.count("validation"), shown.count("12")) == (2, 2, 2)
    assert {"Loss", "Accuracy", "100%"} <= set(shown)


@pytest.mark.parametrize("loss", [0.0, 1e-9, 1e9, float("nan"), float("inf")])
def test_one_epoch_without_validation_images_is_drawn(loss: float) -> None:
    epoch = EpochMetrics(epoch=1, train_loss=loss, train_accuracy=0.5, val_loss=None, val_accuracy=None)
    assert "validation" not in texts(draw_curves([epoch]))
    stored = parse_epochs(TrainingEpochs(epochs=[epoch]).model_dump_json().encode()).epochs
    assert draw_curves(stored) == draw_curves([epoch])
