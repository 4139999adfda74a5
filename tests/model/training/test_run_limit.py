"""A run ends when it should: after its epochs or, with a budget, in time."""

import time
from collections.abc import Callable

import pytest

from model.artifact.manifest import FinishReason
from model.spec import ResolvedSpec
from model.training.reporter import Drained
from model.training.run_limit import EpochLimit, TimeLimit, downtime_s
from model.training.training import run_training
from tests.model.tiny import Recorder, Workshop

FOREVER = EpochLimit(epochs=1000, steps_per_epoch=10)


def test_steps_alone() -> None:
    pace = EpochLimit(epochs=2, steps_per_epoch=4)
    assert [pace.progress(epoch, step) for epoch, step in ((0, 0), (0, 3), (1, 0), (2, 0))] == [
        0,
        0.375,
        0.5,
        1,
    ]
    assert not pace.is_over(1, 3)
    assert pace.is_over(2, 0)
    assert pace.eta_s(1, 1, 2.0) == 6.0


def test_the_clock_leads_where_the_steps_are_slow() -> None:
    pace = TimeLimit(FOREVER, budget_s=101, scored_images=0, used_s=50)
    assert pace.progress(0, 1) == pytest.approx(0.5, abs=0.05)
    assert not pace.is_over(0, 1)
    assert TimeLimit(FOREVER, budget_s=101, scored_images=0, used_s=100.5).is_over(0, 1)


def test_the_steps_lead_where_they_are_quick() -> None:
    pace = TimeLimit(EpochLimit(epochs=2, steps_per_epoch=10), budget_s=1e6, scored_images=0, used_s=0)
    assert pace.progress(1, 0) == 0.5
    assert pace.is_over(2, 0)


def test_scoring_and_publishing_get_their_time() -> None:
    """1,000 images at 20 ms leave 79 of 100 s to train."""
    pace = TimeLimit(FOREVER, budget_s=100, scored_images=1_000, used_s=78)
    pace.note_scoring(2.0, 100)
    assert not pace.is_over(3, 0)
    assert TimeLimit(FOREVER, budget_s=100, scored_images=1_000, used_s=78).progress(0, 0) < pace.progress(
        0, 0
    )
    pace.note_step(3.0, 50)  # one more of these would be over at 81 s
    assert pace.is_over(3, 0)


def test_a_budget_that_is_used_up_still_makes_one_step() -> None:
    pace = TimeLimit(FOREVER, budget_s=10, scored_images=0, used_s=99)
    assert not pace.is_over(0, 0)
    assert pace.progress(0, 0) == 1.0
    assert pace.is_over(0, 1)


def with_budget(workshop: Workshop, seconds: float) -> ResolvedSpec:
    return workshop.spec(epochs=1000, learning_rate=0.05).model_copy(update={"time_budget_s": seconds})


def test_a_run_ends_when_its_time_is_up_with_a_model(workshop: Workshop) -> None:
    recorder = Recorder()
    trained = run_training(workshop.request(with_budget(workshop, 3.0)), recorder)
    assert trained.finish_reason is FinishReason.TIME_BUDGET
    assert 0 < trained.metrics.epochs < 1000
    assert recorder.steps[-1].fraction > 0.5
    assert recorder.steps[-1].epochs < 1000
    assert (recorder.saved[0].epoch, recorder.saved[0].step) == (0, 0)  # so a crash at any time is counted


def drained(workshop: Workshop, spec: ResolvedSpec) -> Recorder:
    recorder = Recorder(drain_before=3)
    with pytest.raises(Drained):
        run_training(workshop.request(spec), recorder)
    return recorder


@pytest.fixture
def much_later(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """By the clock on the wall."""
    now = time.time
    return lambda: monkeypatch.setattr(time, "time", lambda: now() + 10_000)


def test_to_wait_after_a_drain_costs_nothing(workshop: Workshop, much_later: Callable[[], None]) -> None:
    spec = with_budget(workshop, 1_000)
    first = drained(workshop, spec)
    much_later()
    second = Recorder(drain_before=2)
    with pytest.raises(Drained):
        run_training(workshop.request(spec, attempt=2, resume_from=first.saved[-1].key), second)
    assert first.steps[-1].fraction < second.steps[0].fraction < 0.9


def test_the_time_after_a_crash_is_used_up(workshop: Workshop, much_later: Callable[[], None]) -> None:
    spec = with_budget(workshop, 1_000)
    first = drained(workshop, spec)
    much_later()
    second = Recorder()
    trained = run_training(workshop.request(spec, attempt=2, resume_from=first.saved[0].key), second)
    assert trained.finish_reason is FinishReason.TIME_BUDGET
    assert len(second.steps) == 1


def test_once_it_goes_on_time_counts_again_and_an_epoch_is_judged(
    workshop: Workshop, much_later: Callable[[], None]
) -> None:
    """Even where all time is lost within the first epoch."""
    spec = with_budget(workshop, 1_000)
    handed_back = drained(workshop, spec).saved[-1]
    assert (handed_back.epoch, handed_back.step) == (0, 3)
    gone_on = Recorder(drain_before=0)
    with pytest.raises(Drained):
        run_training(workshop.request(spec, attempt=2, resume_from=handed_back.key), gone_on)
    much_later()
    last = Recorder()
    trained = run_training(workshop.request(spec, attempt=3, resume_from=gone_on.saved[0].key), last)
    assert last.steps == []
    assert [row.epoch for row in last.rows] == [1]
    assert trained.metrics.epochs == trained.metrics.best_epoch == 1
    assert trained.finish_reason is FinishReason.TIME_BUDGET


def test_a_pause_is_no_loss() -> None:
    assert downtime_s(0.0, 100.0, []) == 0
    assert downtime_s(40.0, 100.0, []) == 60
    assert downtime_s(40.0, 100.0, [(10.0, 30.0), (50.0, 70.0)]) == 40
    assert downtime_s(40.0, 100.0, [(30.0, 45.0), (90.0, 120.0)]) == 45
