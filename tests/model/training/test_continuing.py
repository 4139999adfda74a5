"""A finished training is continued from its last state, for more epochs or for a longer time."""

import dataclasses

import pytest

from model.errors import TrainingStateGoneError
from model.spec import ExtendedFrom, ResolvedSpec
from model.training.limits.run_limit import EpochLimit, TimeLimit
from model.training.reporter import Drained
from model.training.request import TrainingRequest
from model.training.training import run_training
from tests.model.tiny_training import Recorder, TinyTraining
from tests.model.training.test_training import untimed, weight_hash

pytestmark = pytest.mark.usefixtures("narrow_network")
STATE = "states/job_test/mdl_test/state"


def finish(tiny: TinyTraining, spec: ResolvedSpec) -> str:
    """Train to the end, and return the key of the last state."""
    tiny.storage.delete("states/job_test")
    run_training(dataclasses.replace(tiny.request(spec), state_prefix=STATE), Recorder())
    (key,) = tiny.storage.list("states/job_test/")
    return key


def longer(spec: ResolvedSpec, epochs: int, **own: object) -> ResolvedSpec:
    total = spec.epochs + epochs
    source = ExtendedFrom(job="job_test", model="mdl_test", epochs=spec.epochs, progress=spec.epochs / total)
    return spec.model_copy(update={"epochs": total, "extended_from": source, **own})


def continuing(tiny: TinyTraining, spec: ResolvedSpec, key: str, **given: object) -> TrainingRequest:
    return dataclasses.replace(tiny.request(spec), continue_from=key, **given)  # type: ignore[arg-type]


def test_classic_whose_rate_depends_on_the_steps_alone_has_the_weights_of_one_longer_training(
    tiny_training: TinyTraining,
) -> None:
    whole = Recorder()
    expected = run_training(tiny_training.request(tiny_training.spec(epochs=2)), whole)
    spec = tiny_training.spec(epochs=1)
    continued = Recorder()
    again = run_training(continuing(tiny_training, longer(spec, 1), finish(tiny_training, spec)), continued)
    assert weight_hash(again) == weight_hash(expected)
    assert [untimed(row) for row in continued.rows] == [untimed(row) for row in whole.rows[1:]]
    assert again.metrics == expected.metrics


def test_the_rate_rises_again_and_falls_and_equal_continuations_give_equal_weights_also_when_interrupted(
    tiny_training: TinyTraining,
) -> None:
    spec = tiny_training.spec(recipe="thorough", epochs=2, learning_rate=0.05, batch_size=4)
    key = finish(tiny_training, spec)
    own = longer(spec, 3)
    first = Recorder()
    expected = run_training(continuing(tiny_training, own, key), first)
    assert [row.epoch for row in first.rows] == [3, 4, 5]
    rates = [row.learning_rate for row in first.rows]
    assert rates[0] > rates[1] > rates[2]
    assert rates[0] < spec.learning_rate
    assert first.steps[-1].fraction == 1
    assert first.steps[0].epochs == 5

    drained = Recorder(drain_before=len(first.steps) // 2)
    with pytest.raises(Drained):
        run_training(continuing(tiny_training, own, key), drained)
    resumed = continuing(tiny_training, own, key, resume_from=drained.saved[-1].key)
    assert weight_hash(run_training(resumed, Recorder())) == weight_hash(expected)
    tiny_training.storage.delete("checkpoints/job_test")
    lost = Recorder()  # without its own checkpoint it begins where the other training ended
    assert weight_hash(run_training(resumed, lost)) == weight_hash(expected)
    assert lost.rewound_to == [2]

    tiny_training.storage.delete(key)
    with pytest.raises(TrainingStateGoneError, match="init_from"):
        run_training(continuing(tiny_training, own, key), Recorder())


def test_the_epochs_of_the_first_training_use_up_no_patience(tiny_training: TinyTraining) -> None:
    spec = tiny_training.spec(recipe="thorough", epochs=3, learning_rate=0.05)
    key = finish(tiny_training, spec)
    recorder = Recorder()
    run_training(continuing(tiny_training, longer(spec, 20, patience=2), key), recorder)
    assert len(recorder.rows) >= 2


def test_the_progress_of_a_longer_time_begins_where_the_first_training_ended() -> None:
    limit = TimeLimit(EpochLimit(1000, 10), 60.0, 0, 0.0, first_progress=0.4)
    assert 0.4 <= limit.progress(20, 0) < 0.41
    half = TimeLimit(EpochLimit(1000, 10), 60.0, 0, 29.5, first_progress=0.4)
    assert half.progress(20, 0) == pytest.approx(0.7, abs=0.01)
