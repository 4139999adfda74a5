"""Which epoch of a training is the best, and is published."""

from typing import Any

import pytest
import torch
from torch import Tensor

from model.evaluation.scores import score
from model.network.resnet9 import ResNet9
from model.training.epoch_evaluation import EpochEvaluation
from model.training.run_state import RunState
from tests.model.tiny_training import Recorder, TinyTraining

pytestmark = pytest.mark.usefixtures("narrow_network")

IMAGES = 25


def best_epoch(spec: Any, right: list[int], *, ends_schedule: bool = True) -> int:
    """Return the best epoch, from 1, of a training; `right` has the number of correctly classified validation images of each epoch."""
    state = RunState(ResNet9(2), None, None, None, None, None)  # type: ignore[arg-type]
    evaluation = EpochEvaluation(spec, None, state, None, None)  # type: ignore[arg-type]
    for count in right:
        state.epoch += 1
        is_last = state.epoch == len(right)
        validation = score(logits(count), torch.arange(IMAGES) % 2)
        evaluation.keep_if_best(validation, ends_schedule=ends_schedule and is_last)
    assert state.best
    return state.best.epoch


def logits(right: int) -> Tensor:
    """Return logits for images of the classes 0, 1, 0, 1 …, of which the first `right` get their class."""
    classes_N = (torch.arange(IMAGES) + (torch.arange(IMAGES) >= right)) % 2
    return 4.0 * torch.nn.functional.one_hot(classes_N, 2).float()


def test_the_last_epoch_is_published_unless_an_earlier_one_is_clearly_better(
    tiny_training: TinyTraining,
) -> None:
    """The standard error of 19 of 25 is 2.1 images; two of them are 4.3."""
    spec = tiny_training.spec()
    assert best_epoch(spec, [10, 23, 18, 19]) == 4
    assert best_epoch(spec, [10, 24, 18, 19]) == 2
    assert (
        best_epoch(spec, [10, 25, 25]) == 2
    )  # no error is left where every image is right, and the losses are equal


def test_before_the_end_of_the_schedule_the_highest_score_counts(tiny_training: TinyTraining) -> None:
    assert best_epoch(tiny_training.spec(), [10, 23, 18, 22], ends_schedule=False) == 2


def test_under_class_weighting_the_error_is_that_of_the_balanced_accuracy(
    tiny_training: TinyTraining,
) -> None:
    spec = tiny_training.spec(class_weighting="square_root")
    assert best_epoch(spec, [10, 23, 18, 19]) == 4
    assert best_epoch(spec, [10, 24, 18, 19]) == 2


@pytest.mark.parametrize("given", [{"epochs": 4}, {"epochs": 30, "patience": 1}], ids=["epochs", "patience"])
def test_a_training_that_does_not_improve_publishes_its_last_epoch(
    tiny_training: TinyTraining, given: dict[str, Any]
) -> None:
    recorder = Recorder()
    trained = tiny_training.train(recorder, recipe="thorough", learning_rate=1e-6, batch_size=13, **given)
    last = recorder.rows[-1]
    assert (trained.metrics.best_epoch, recorder.best_epochs[-1]) == (last.epoch, last.epoch)
    assert trained.metrics.val_accuracy == last.val_accuracy


def test_a_learning_rate_that_hardly_falls_gives_the_last_epoch_no_precedence(
    tiny_training: TinyTraining,
) -> None:
    recorder = Recorder()
    trained = tiny_training.train(recorder, recipe="classic", learning_rate=1e-6, batch_size=13, epochs=4)
    best = max(recorder.rows, key=lambda row: (row.val_accuracy or 0, -(row.val_loss or 0)))
    assert trained.metrics.best_epoch == best.epoch < 4
