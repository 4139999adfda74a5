"""A training whose validation score no longer improves ends early, and finishes the decay of its learning rate."""

import dataclasses

import pytest

from model.artifact.manifest import FINISH_REASON, SETTINGS, FinishReason
from model.artifact.staging import draft_model
from model.recipes.progressive_resizing import image_side_at
from model.recipes.recipe import RECIPES, recipe_of
from model.recipes.schedule import make_schedule
from model.spec import RecipeName, ResolvedSpec
from model.training.limits.patience import PatienceLimit
from model.training.limits.run_limit import EpochLimit, TimeLimit
from model.training.run_state import Best, RunState
from model.training.training import run_training
from tests.model.tiny_training import Recorder, TinyTraining
from tests.model.training.test_ranks import untimed
from tests.model.training.test_training import weight_hash

pytestmark = pytest.mark.usefixtures("narrow_network")

STEPS = 10
EPOCHS = 30
FAST = RECIPES[RecipeName.FAST]


def at_epoch(epoch: int, best_epoch: int) -> RunState:
    best = Best(best_epoch, score=0.5, val_loss=1.0, val_accuracy=0.5, weights={})
    return RunState(None, None, None, None, None, None, epoch=epoch, best=best)  # type: ignore[arg-type]


def limit_at(state: RunState, *, epochs: int = 100, recipe: RecipeName = RecipeName.FAST) -> PatienceLimit:
    limit = EpochLimit(epochs, STEPS)
    return PatienceLimit(limit, limit, state, RECIPES[recipe], patience=5)


def test_the_learning_rate_falls_from_its_present_value_to_its_final_one() -> None:
    state = at_epoch(40, best_epoch=35)
    limit = limit_at(state)
    schedule = make_schedule(FAST, 100 * STEPS)
    before = schedule.learning_rate(limit.progress(40, 0), 400)
    assert limit.eta_s(40, 0, step_s=1.0) == pytest.approx(600)
    limit.note_epoch()
    assert state.cool_down
    assert state.cool_down.last_epoch == 44  # a tenth of the 40 epochs
    positions = [(epoch, step) for epoch in range(40, 44) for step in range(STEPS)]
    rates = [schedule.learning_rate(limit.progress(*position), 400) for position in positions]
    assert rates[0] == before
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < 2 * FAST.final_fraction * FAST.learning_rate < before / 10
    assert image_side_at(FAST, limit.progress(43, 9), 32) == 32
    assert limit.eta_s(40, 0, step_s=1.0) == pytest.approx(40)
    assert limit.eta_s(43, 9, step_s=1.0) == pytest.approx(1)
    assert not limit.is_over(43, 9)
    assert limit.is_over(44, 0)


@pytest.mark.parametrize(
    ("epoch", "best_epoch", "begins"),
    [
        *[(39, 35, False), (40, 35, True), (15, 1, False), (24, 18, False), (25, 1, True)],
        *[(91, 80, False), (89, 80, True)],
    ],
    ids=[
        "too early",
        "used up",
        "warm-up",
        "soon after the warm-up",
        "after the warm-up",
        "the rest is short",
        "the rest is long",
    ],
)
def test_the_cool_down_begins_when_the_patience_is_used_up(epoch: int, best_epoch: int, begins: bool) -> None:
    state = at_epoch(epoch, best_epoch)
    limit_at(state).note_epoch()
    assert (state.cool_down is not None) is begins


def test_a_better_epoch_of_the_cool_down_does_not_end_it() -> None:
    state = at_epoch(40, best_epoch=35)
    limit = limit_at(state)
    limit.note_epoch()
    begun = state.cool_down
    state.epoch, state.best = 43, dataclasses.replace(state.best, epoch=43)  # type: ignore[type-var]
    limit.note_epoch()
    assert state.cool_down is begun
    assert limit.is_over(44, 0)


def test_a_rate_that_does_not_follow_the_progress_needs_no_cool_down() -> None:
    state = at_epoch(8, best_epoch=3)
    limit = limit_at(state, epochs=20, recipe=RecipeName.CLASSIC)
    limit.note_epoch()
    assert limit.is_over(8, 0)
    assert (limit.progress(8, 0), limit.eta_s(8, 0, 1.0)) == (1.0, 120.0)


def test_a_time_budget_that_ends_within_the_cool_down_ends_the_training() -> None:
    """The learning rate follows whichever of the two is ahead, so it is at its final value at the end."""
    state, epochs = at_epoch(40, best_epoch=35), EpochLimit(1000, STEPS)
    clock = TimeLimit(epochs, budget_s=101, scored_images=0, used_s=50)
    limit = PatienceLimit(clock, epochs, state, FAST, patience=5)
    limit.note_epoch()
    assert state.cool_down
    assert state.cool_down.progress == pytest.approx(0.5, abs=0.05)
    assert limit.progress(42, 0) == pytest.approx(0.75, abs=0.05)
    late = PatienceLimit(TimeLimit(epochs, 101, 0, used_s=90), epochs, state, FAST, patience=5)
    assert late.progress(42, 0) == pytest.approx(0.9, abs=0.05)
    assert PatienceLimit(TimeLimit(epochs, 101, 0, used_s=100.5), epochs, state, FAST, 5).is_over(42, 0)


def stuck(tiny_training: TinyTraining, **given: object) -> ResolvedSpec:
    """A training of 30 epochs of 3 steps that can hardly learn: its validation score soon stays the same."""
    few = {"recipe": "thorough", "epochs": EPOCHS, "batch_size": 13, "learning_rate": 1e-6, "patience": 1}
    return tiny_training.spec(**few | given)


@pytest.fixture(scope="module")
def uninterrupted(tiny_training: TinyTraining) -> tuple[Recorder, str]:
    recorder = Recorder()
    trained = run_training(tiny_training.request(stuck(tiny_training)), recorder)
    assert trained.finish_reason is FinishReason.PATIENCE
    assert trained.metrics.epochs == recorder.rows[-1].epoch < EPOCHS
    return recorder, weight_hash(trained)


def test_a_training_without_progress_ends_with_a_small_learning_rate(
    tiny_training: TinyTraining, uninterrupted: tuple[Recorder, str]
) -> None:
    recorder, _ = uninterrupted
    recipe = recipe_of(stuck(tiny_training))
    cool_down = [step for step in recorder.steps if step.epochs < EPOCHS]
    assert {step.epochs for step in cool_down} == {recorder.rows[-1].epoch}
    assert len(cool_down) >= 2
    assert recorder.steps[-1].fraction == 1
    assert recorder.steps[-1].eta_s == 0
    rates = [row.learning_rate for row in recorder.rows]
    assert rates[-len(cool_down) - 1] > 0.5 * recipe.learning_rate
    assert rates[-1] < rates[-len(cool_down) - 1] / 1.5


def interruptions(recorder: Recorder) -> list[int]:
    """The numbers of steps before the end of the patience, at its end, and within the cool-down."""
    begins = next(number for number, step in enumerate(recorder.steps) if step.epochs < EPOCHS)
    return [begins - 1, begins, begins + 1]


@pytest.mark.parametrize("which", range(3))
def test_a_resumed_training_ends_as_an_uninterrupted_one(
    tiny_training: TinyTraining, uninterrupted: tuple[Recorder, str], which: int
) -> None:
    whole, expected = uninterrupted
    spec = stuck(tiny_training)
    drained = tiny_training.drain(spec, interruptions(whole)[which])
    resumed = Recorder()
    request = tiny_training.request(spec, attempt=2, resume_from=drained.saved[-1].key)
    trained = run_training(request, resumed)
    assert weight_hash(trained) == expected
    assert trained.finish_reason is FinishReason.PATIENCE
    assert untimed(drained) + untimed(resumed) == untimed(whole)
    tiny_training.storage.delete("checkpoints/job_test")


def test_a_training_that_improves_is_not_changed_by_patience(tiny_training: TinyTraining) -> None:
    """The classic recipe, whose training ends at once when the patience is used up."""
    recorders = [Recorder(), Recorder()]
    given: dict[str, object] = {"epochs": 3, "learning_rate": 0.05}
    first = tiny_training.train(recorders[0], **given)
    second = tiny_training.train(recorders[1], **given, patience=3)
    assert weight_hash(first) == weight_hash(second)
    assert first.finish_reason is second.finish_reason is FinishReason.COMPLETED
    assert untimed(recorders[0]) == untimed(recorders[1])


def test_the_manifest_has_words_that_the_first_release_reads(tiny_training: TinyTraining) -> None:
    trained = run_training(tiny_training.request(stuck(tiny_training)), Recorder())
    manifest = draft_model(trained)[0].model_dump(mode="json")
    assert "patience" not in manifest["spec"]
    assert manifest["finish_reason"] == "completed"
    assert manifest["lineage"][SETTINGS] == {"patience": 1}
    assert manifest["lineage"][FINISH_REASON] == "patience"
