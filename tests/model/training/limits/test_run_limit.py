"""A training ends after its epochs or, with a time budget, in time."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from model.artifact.manifest import FinishReason
from model.spec import ResolvedSpec
from model.training.limits.run_limit import EpochLimit, TimeLimit, downtime_s
from model.training.reporter import Drained
from model.training.training import run_training
from tests.model.tiny_training import Recorder, TinyTraining

pytestmark = pytest.mark.usefixtures("narrow_network")

NOW = time.monotonic
MANY_EPOCHS = EpochLimit(epochs=1000, steps_per_epoch=10)


def test_without_a_budget_only_epochs_count() -> None:
    limit = EpochLimit(epochs=2, steps_per_epoch=4)
    assert [limit.progress(epoch, step) for epoch, step in ((0, 0), (0, 3), (1, 0), (2, 0))] == [
        0,
        0.375,
        0.5,
        1,
    ]
    assert not limit.is_over(1, 3)
    assert limit.is_over(2, 0)
    assert limit.eta_s(1, 1, 2.0) == 6.0


def test_progress_follows_the_clock_when_steps_are_slow() -> None:
    limit = TimeLimit(MANY_EPOCHS, budget_s=101, scored_images=0, used_s=50)
    assert limit.progress(0, 1) == pytest.approx(0.5, abs=0.05)
    assert not limit.is_over(0, 1)
    assert TimeLimit(MANY_EPOCHS, budget_s=101, scored_images=0, used_s=100.5).is_over(0, 1)


def test_progress_follows_the_steps_when_they_are_fast() -> None:
    limit = TimeLimit(EpochLimit(epochs=2, steps_per_epoch=10), budget_s=1e6, scored_images=0, used_s=0)
    assert limit.progress(1, 0) == 0.5
    assert limit.is_over(2, 0)


def test_time_for_scoring_and_publishing_is_reserved() -> None:
    """Scoring 1,000 images at 20 ms and 1 s for publishing leave 79 of 100 s for training."""
    limit = TimeLimit(MANY_EPOCHS, budget_s=100, scored_images=1_000, used_s=78)
    limit.note_scoring(2.0, 100)
    assert not limit.is_over(3, 0)
    assert TimeLimit(MANY_EPOCHS, budget_s=100, scored_images=1_000, used_s=78).progress(
        0, 0
    ) < limit.progress(0, 0)
    limit.note_step(3.0, 50)  # another such step would end after 81 s
    assert limit.is_over(3, 0)


def test_one_step_is_made_although_the_budget_is_used_up() -> None:
    limit = TimeLimit(MANY_EPOCHS, budget_s=10, scored_images=0, used_s=99)
    assert not limit.is_over(0, 0)
    assert limit.progress(0, 0) == 1.0
    assert limit.is_over(0, 1)


def with_budget(tiny_training: TinyTraining, seconds: float) -> ResolvedSpec:
    return tiny_training.spec(epochs=1000, batch_size=8, learning_rate=0.05).model_copy(
        update={"time_budget_s": seconds}
    )


def test_a_budget_for_less_than_an_epoch_is_warned_of(
    tiny_training: TinyTraining, much_later: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    spec = with_budget(tiny_training, 1_000)
    first = drained(tiny_training, spec)
    much_later()
    request = tiny_training.request(spec, attempt=2, resume_from=first.saved[0].key)
    assert run_training(request, Recorder()).metrics.first_epoch_share == 1 / 5
    [warning] = [message for message in caplog.messages if "time_budget_s" in message]
    assert warning.startswith("time_budget_s 1000 allows only 1 of the 5 steps of the first epoch")


def test_a_training_whose_time_is_up_ends_with_a_model(tiny_training: TinyTraining) -> None:
    recorder = Recorder()
    trained = run_training(tiny_training.request(with_budget(tiny_training, 3.0)), recorder)
    assert trained.finish_reason is FinishReason.TIME_BUDGET
    assert 0 < trained.metrics.epochs < 1000
    assert recorder.steps[-1].fraction > 0.5
    assert recorder.steps[-1].epochs < 1000
    # Saved before the first step, so that the downtime after a crash counts, however early the crash is.
    assert (recorder.saved[0].epoch, recorder.saved[0].step) == (0, 0)


def drained(tiny_training: TinyTraining, spec: ResolvedSpec) -> Recorder:
    recorder = Recorder(drain_before=3)
    with pytest.raises(Drained):
        run_training(tiny_training.request(spec), recorder)
    return recorder


@pytest.fixture
def much_later(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Returns a function that sets the wall clock 10,000 s forward."""
    now = time.time
    return lambda: monkeypatch.setattr(time, "time", lambda: now() + 10_000)


def test_the_time_after_a_drain_does_not_count(
    tiny_training: TinyTraining, much_later: Callable[[], None]
) -> None:
    spec = with_budget(tiny_training, 1_000)
    first = drained(tiny_training, spec)
    much_later()
    second = Recorder(drain_before=2)
    with pytest.raises(Drained):
        run_training(tiny_training.request(spec, attempt=2, resume_from=first.saved[-1].key), second)
    assert first.steps[-1].fraction < second.steps[0].fraction < 0.9


def test_the_time_after_a_crash_counts(tiny_training: TinyTraining, much_later: Callable[[], None]) -> None:
    spec = with_budget(tiny_training, 1_000)
    first = drained(tiny_training, spec)
    much_later()
    second = Recorder()
    trained = run_training(tiny_training.request(spec, attempt=2, resume_from=first.saved[0].key), second)
    assert trained.finish_reason is FinishReason.TIME_BUDGET
    assert len(second.steps) == 1


def test_after_resuming_time_counts_again_and_an_epoch_is_evaluated(
    tiny_training: TinyTraining, much_later: Callable[[], None]
) -> None:
    """Even if the whole budget passes within the first epoch."""
    spec = with_budget(tiny_training, 1_000)
    saved_by_drain = drained(tiny_training, spec).saved[-1]
    assert (saved_by_drain.epoch, saved_by_drain.step) == (0, 3)
    resumed = Recorder(drain_before=0)
    with pytest.raises(Drained):
        run_training(tiny_training.request(spec, attempt=2, resume_from=saved_by_drain.key), resumed)
    much_later()
    last = Recorder()
    trained = run_training(tiny_training.request(spec, attempt=3, resume_from=resumed.saved[0].key), last)
    assert last.steps == []
    assert [row.epoch for row in last.rows] == [1]
    assert trained.metrics.epochs == trained.metrics.best_epoch == 1
    assert trained.finish_reason is FinishReason.TIME_BUDGET


@dataclass
class Clock(Recorder):
    """Reports what it records, and lets the whole budget pass at one of the readings after the first epoch."""

    readings_left: int = 0

    def monotonic(self) -> float:
        if self.rows and self.readings_left > 0:
            self.readings_left -= 1
        return NOW() + (10_000 if self.rows and not self.readings_left else 0)


@pytest.mark.parametrize("reading", range(1, 6))
def test_a_budget_may_end_at_any_reading_of_the_clock_after_an_epoch(
    tiny_training: TinyTraining, monkeypatch: pytest.MonkeyPatch, reading: int
) -> None:
    """Also after the last look at the clock before an epoch, and before its first step."""
    recorder = Clock(readings_left=reading)
    monkeypatch.setattr(time, "monotonic", recorder.monotonic)
    spec = with_budget(tiny_training, 1_000).model_copy(update={"batch_size": 64})  # one step an epoch
    trained = run_training(tiny_training.request(spec), recorder)
    assert trained.finish_reason is FinishReason.TIME_BUDGET
    assert trained.metrics.epochs == len(recorder.rows) == len(recorder.steps) <= 2


def test_pauses_do_not_count_as_downtime() -> None:
    assert downtime_s(0.0, 100.0, []) == 0
    assert downtime_s(40.0, 100.0, []) == 60
    assert downtime_s(40.0, 100.0, [(10.0, 30.0), (50.0, 70.0)]) == 40
    assert downtime_s(40.0, 100.0, [(30.0, 45.0), (90.0, 120.0)]) == 45
