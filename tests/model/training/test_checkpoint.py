import dataclasses

import pytest
from safetensors import safe_open

from model.errors import CorruptArtifactError
from model.training.training import run_training
from tests.model.tiny import Recorder, Workshop
from tests.stored import stored_path


def test_a_drain_saves_the_position_it_says(workshop: Workshop) -> None:
    drained = workshop.drain(workshop.spec(batch_size=10), before_step=6)
    saved = drained.saved[-1]
    assert (saved.epoch, saved.step) == (1, 2)
    assert saved.best_key == saved.key
    with safe_open(stored_path(workshop.storage, saved.key), "pt") as file:
        parts = {name.partition("/")[0] for name in file.keys()}  # noqa: SIM118 - it is no dict
    assert parts == {"network", "momentum", "average", "best", "sums"}
    workshop.storage.delete("checkpoints/job_test")


def test_a_drain_before_the_first_step_saves_nothing(workshop: Workshop) -> None:
    assert workshop.drain(workshop.spec(), before_step=0).saved == []


def test_epochs_are_checkpointed_under_new_names(workshop: Workshop) -> None:
    recorder = Recorder()
    request = workshop.request(workshop.spec(epochs=4, batch_size=20), checkpoint_every_s=0.0)
    run_training(request, recorder)
    assert [(saved.epoch, saved.step) for saved in recorder.saved] == [(1, 0), (2, 0), (3, 0), (4, 0)]
    assert workshop.storage.list("checkpoints/job_test/1/") == [saved.key for saved in recorder.saved]
    workshop.storage.delete("checkpoints/job_test")


def test_a_finished_run_only_evaluates_when_resumed(workshop: Workshop) -> None:
    first, again = Recorder(), Recorder()
    spec = workshop.spec(epochs=1)
    expected = run_training(workshop.request(spec, checkpoint_every_s=0.0), first)
    resumed = run_training(workshop.request(spec, attempt=2, resume_from=first.saved[-1].key), again)
    assert not again.steps
    assert not again.rows
    assert resumed.metrics == expected.metrics
    workshop.storage.delete("checkpoints/job_test")


def test_another_spec_s_checkpoint_is_refused(workshop: Workshop) -> None:
    drained = workshop.drain(workshop.spec(), before_step=1)
    other = workshop.request(workshop.spec(seed=9), attempt=2, resume_from=drained.saved[-1].key)
    with pytest.raises(CorruptArtifactError, match="another job's"):
        run_training(other, Recorder())
    workshop.storage.delete("checkpoints/job_test")


@pytest.mark.parametrize("part", [0.0, 0.01, 0.5, 1.0])
def test_a_checkpoint_with_a_flipped_bit_is_not_gone_on_from(workshop: Workshop, part: float) -> None:
    spec = workshop.spec(recipe="classic", batch_size=16)
    expected = run_training(workshop.request(spec), Recorder())
    drained = workshop.drain(spec, before_step=2)
    path = stored_path(workshop.storage, drained.saved[-1].key)
    data = bytearray(path.read_bytes())
    data[int(part * (len(data) - 1))] ^= 1
    path.write_bytes(data)
    again = Recorder()
    trained = run_training(workshop.request(spec, attempt=2, resume_from=drained.saved[-1].key), again)
    assert again.rewound_to == [0]
    assert again.steps[0].step == 1
    assert trained.metrics == expected.metrics
    workshop.storage.delete("checkpoints/job_test")


def test_a_whole_checkpoint_rewinds_nothing(workshop: Workshop) -> None:
    spec = workshop.spec(batch_size=16)
    drained = workshop.drain(spec, before_step=2)
    again = Recorder()
    run_training(workshop.request(spec, attempt=2, resume_from=drained.saved[-1].key), again)
    assert again.rewound_to == []
    assert again.steps[0].step == 3
    workshop.storage.delete("checkpoints/job_test")


def test_resuming_on_other_threads_is_said(workshop: Workshop, caplog: pytest.LogCaptureFixture) -> None:
    spec = workshop.spec(recipe="classic", epochs=1)
    drained = workshop.drain(spec, before_step=3)
    request = workshop.request(spec, attempt=2, resume_from=drained.saved[-1].key)
    run_training(dataclasses.replace(request, threads=2), Recorder())
    assert "threads 1 → 2" in caplog.text
    workshop.storage.delete("checkpoints/job_test")
