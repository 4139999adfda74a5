from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from model.commands.tensorboard import with_tensorboard
from model.training.reporter import EpochRow
from tests.model.tiny_training import Recorder


def row(epoch: int, train_loss: float) -> EpochRow:
    return EpochRow(
        epoch=epoch,
        train_loss=train_loss,
        train_accuracy=0.5,
        val_loss=None,
        val_accuracy=0.25,
        learning_rate=0.1,
        images_per_s=10.0,
        duration_s=1.0,
    )


def curve(folder: Path, tag: str) -> list[tuple[int, float]]:
    events = EventAccumulator(str(folder))
    events.Reload()
    return [(point.step, point.value) for point in events.Scalars(tag)]


def test_each_quantity_becomes_a_curve(tmp_path: Path) -> None:
    recorder = Recorder()
    reporter = with_tensorboard(recorder, tmp_path)
    reporter.epoch(row(1, 2.0), True)
    reporter.epoch(row(2, 1.0), False)
    assert [known.epoch for known in recorder.rows] == [1, 2]
    assert curve(tmp_path, "loss/train") == [(1, 2.0), (2, 1.0)]
    assert curve(tmp_path, "accuracy/val") == [(1, 0.25), (2, 0.25)]


def test_a_folder_that_cannot_be_written_costs_the_curves_and_not_the_training(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    recorder = Recorder()
    reporter = with_tensorboard(recorder, tmp_path / "file" / "curves")
    reporter.rewind(0)
    for epoch in (1, 2):
        reporter.epoch(row(epoch, 1.0), False)
    assert [known.epoch for known in recorder.rows] == [1, 2]
    [warning] = caplog.messages
    assert str(tmp_path / "file" / "curves") in warning
    assert "Not a directory" in warning


def test_epochs_that_are_trained_again_replace_the_earlier_points(tmp_path: Path) -> None:
    reporter = with_tensorboard(Recorder(), tmp_path)
    for epoch in (1, 2, 3):
        reporter.epoch(row(epoch, 4.0 - epoch), False)
    reporter.rewind(1)
    reporter.epoch(row(2, 2.5), False)
    assert curve(tmp_path, "loss/train") == [(1, 3.0), (2, 2.5)]
