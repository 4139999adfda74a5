import io
from typing import Any

import pytest
from rich.console import Console

from ninefold.cli.job_state import JobState, duration
from ninefold.cli.job_view import BarView, LineView, epoch_line
from ninefold.cli.watch import summary
from ninefold.client.events import Event

ROW = {
    "epoch": 2,
    "train_loss": 0.5,
    "train_accuracy": 0.9,
    "val_loss": 0.4,
    "val_accuracy": 0.931,
    "learning_rate": 0.1,
    "images_per_s": 1234.5,
    "duration_s": 3.0,
}
EVENTS = [
    Event("snapshot", {"job": {"status": "succeeded", "phase": None, "progress": None, "metrics": None}}),
    Event("state", {"status": "queued", "phase": None}),
    Event("state", {"status": "running", "phase": "preparing_data"}),
    Event("state", {"status": "running", "phase": "training"}),
    Event("progress", {"epoch": 2, "epochs": 20, "fraction": 0.1, "images_per_s": 1234.5, "eta_s": 71.0}),
    Event("epoch", ROW),
    Event("rewind", {"epoch": 1}),
    Event("state", {"status": "succeeded", "phase": None}),
    Event("end", {"status": "succeeded"}),
]


def test_the_line_view_prints_each_change_once() -> None:
    out = io.StringIO()
    with LineView(Console(file=out)) as view:
        for event in EVENTS:
            view.show(event)
    assert out.getvalue().splitlines() == [
        "queued",
        "preparing data",
        "training",
        "epoch 2/20  train loss 0.500  val accuracy 93.1%  1,234 images/s  1 min 11 s left",
        "continuing from the checkpoint at epoch 1",
        "succeeded",
    ]


def test_the_bar_shows_epoch_accuracy_speed_and_time_left() -> None:
    out = io.StringIO()
    with BarView(Console(file=out, force_terminal=True, width=120)) as view:
        for event in EVENTS[:6]:
            view.show(event)
    for words in ("training", "10%", "epoch 2/20", "val accuracy 93.1%", "1,234 images/s", "1 min 11 s left"):
        assert words in out.getvalue()


def test_the_bar_and_its_figures_fit_into_80_columns() -> None:
    out = io.StringIO()
    long = {"epoch": 100, "epochs": 100, "fraction": 0.99, "images_per_s": 75_700.0, "eta_s": 3_599.0}
    with BarView(Console(file=out, force_terminal=True, width=80, color_system=None)) as view:
        for event in [*EVENTS[:4], Event("epoch", {**ROW, "epoch": 99}), Event("progress", long)]:
            view.show(event)
    assert "99% epoch 100/100  val accuracy 93.1%  59 min 59 s left" in out.getvalue()


def state_after(events: list[Event]) -> JobState:
    state = JobState()
    for event in events:
        state.apply(event)
    return state


def test_a_job_that_waits_for_its_dataset_says_so_until_it_is_queued() -> None:
    waiting = {"status": "queued", "phase": None, "queued_reason": "waiting_for_dataset"}
    out = io.StringIO()
    with LineView(Console(file=out)) as view:
        view.show(Event("snapshot", {"job": {**waiting, "progress": None, "metrics": None}}))
        view.show(Event("state", waiting))
        view.show(Event("state", {"status": "queued", "phase": None}))
    assert out.getvalue().splitlines() == ["waiting for dataset", "queued"]


def test_an_outdated_remaining_time_is_not_shown() -> None:
    last = Event("epoch", {**ROW, "epoch": 20})
    assert state_after([*EVENTS[:5], last]).figures == "epoch 20/20  val accuracy 93.1%  1,234 images/s"
    assert epoch_line(last.data, EVENTS[4].data).endswith("1,234 images/s")


def test_after_a_rewind_the_remaining_time_is_shown_again() -> None:
    lost_epoch = Event("epoch", {**ROW, "epoch": 3})
    figures = state_after([*EVENTS[:4], lost_epoch, Event("rewind", {"epoch": 1}), EVENTS[4]]).figures
    assert figures == "epoch 2/20  1,234 images/s  1 min 11 s left"


def test_durations_are_formatted_by_their_size() -> None:
    assert [duration(s) for s in (0.4, 59, 185, 7800)] == ["0 s", "59 s", "3 min 05 s", "2 h 10 min"]


@pytest.mark.parametrize(("best", "is_said"), [(None, True), ({"epoch": 4, "val_accuracy": 0.9}, False)])
def test_a_longer_training_without_a_better_epoch_says_whose_weights_it_has(best: Any, is_said: bool) -> None:
    job = {
        "best": best,
        "metrics": {"epoch": 4, "val_accuracy": 0.8},
        "spec": {"extended_from": {"job": "job_1", "model": "mdl_1", "epochs": 3}},
        "result": {
            "test_accuracy": 0.9,
            "ci95": [0.8, 0.95],
            "model": {"id": "mdl_2", "name": "pets", "version": 2},
        },
    }
    assert ("the weights are those of mdl_1" in summary(job)) is is_said
