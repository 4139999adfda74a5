import dataclasses
import json

import pytest
from safetensors import safe_open

from model.data.duplicates.groups_file import GROUPS_FILE, TrainingGroups
from model.data.record import dataset_key
from model.errors import CorruptArtifactError
from model.training.reporter import Drained
from model.training.training import run_training
from tests.model.tiny_training import Recorder, TinyTraining
from tests.stored import stored_path

pytestmark = pytest.mark.usefixtures("narrow_network")


def test_a_drain_reports_the_position_that_it_saved(tiny_training: TinyTraining) -> None:
    drained = tiny_training.drain(tiny_training.spec(recipe="thorough"), before_step=5)
    saved = drained.saved[-1]
    assert (saved.epoch, saved.step) == (1, 2)
    assert saved.best_key == saved.key
    with safe_open(stored_path(tiny_training.storage, saved.key), "pt") as file:
        groups = {name.partition("/")[0] for name in file.keys()}  # noqa: SIM118 - not a dict
    assert groups == {"network", "momentum", "average", "best", "sums", "predictions"}
    tiny_training.storage.delete("checkpoints/job_test")


def test_the_names_in_the_header_are_those_that_earlier_versions_wrote(tiny_training: TinyTraining) -> None:
    drained = tiny_training.drain(tiny_training.spec(), before_step=1)
    with safe_open(stored_path(tiny_training.storage, drained.saved[-1].key), "pt") as file:
        header = file.metadata()
    position = {"epoch", "step", "train_s", "data_s", "steps_made", "parts", "used_s", "left_at"}
    assert set(json.loads(header["position"])) == position
    assert set(header) == {
        "format",
        "spec",
        "recipe",
        "position",
        "best",
        "device",
        "threads",
        "torch",
        "ranks",
        "validation_is_grouped",
        "serving",
    }
    tiny_training.storage.delete("checkpoints/job_test")


def test_a_drain_before_the_first_step_saves_nothing(tiny_training: TinyTraining) -> None:
    assert tiny_training.drain(tiny_training.spec(), before_step=0).saved == []


def test_each_epoch_is_saved_under_a_new_key(tiny_training: TinyTraining) -> None:
    recorder = Recorder()
    request = tiny_training.request(tiny_training.spec(epochs=3, batch_size=20), checkpoint_every_s=0.0)
    run_training(request, recorder)
    assert [(saved.epoch, saved.step) for saved in recorder.saved] == [(1, 0), (2, 0), (3, 0)]
    assert tiny_training.storage.list("checkpoints/job_test/1/") == [saved.key for saved in recorder.saved]
    tiny_training.storage.delete("checkpoints/job_test")


def test_a_finished_training_is_only_evaluated_when_resumed(tiny_training: TinyTraining) -> None:
    first, again = Recorder(), Recorder()
    spec = tiny_training.spec(epochs=1)
    expected = run_training(tiny_training.request(spec, checkpoint_every_s=0.0), first)
    resumed = run_training(tiny_training.request(spec, attempt=2, resume_from=first.saved[-1].key), again)
    assert not again.steps
    assert not again.rows
    assert resumed.metrics == expected.metrics
    tiny_training.storage.delete("checkpoints/job_test")


@pytest.mark.parametrize("is_grouped_first", [False, True])
def test_a_resumed_training_keeps_its_validation_images(
    tiny_training: TinyTraining, is_grouped_first: bool
) -> None:
    spec, storage = tiny_training.spec(validation_fraction=0.3), tiny_training.storage
    key = dataset_key(spec.dataset, GROUPS_FILE)
    # Every class has a group of 12 of its 16 images, which leaves few others for validation.
    groups = TrainingGroups(groups=[list(range(start, start + 12)) for start in (0, 16, 32)])
    file = groups.model_dump_json().encode()
    own = storage.read_bytes(key)
    storage.delete(key)
    try:
        if is_grouped_first:
            storage.put_bytes(key, file)
        expected = run_training(tiny_training.request(spec), Recorder())
        drained = tiny_training.drain(spec, before_step=2)
        if not is_grouped_first:  # the same images are added again while the training is interrupted
            storage.put_bytes(key, file)
            assert run_training(tiny_training.request(spec), Recorder()).metrics != expected.metrics
        rest = tiny_training.request(spec, attempt=2, resume_from=drained.saved[-1].key)
        assert run_training(rest, Recorder()).metrics == expected.metrics
    finally:
        storage.delete(key)
        storage.put_bytes(key, own)
        storage.delete("checkpoints/job_test")


def test_a_checkpoint_of_another_spec_is_refused(tiny_training: TinyTraining) -> None:
    drained = tiny_training.drain(tiny_training.spec(), before_step=1)
    other = tiny_training.request(tiny_training.spec(seed=9), attempt=2, resume_from=drained.saved[-1].key)
    with pytest.raises(CorruptArtifactError, match="another job's"):
        run_training(other, Recorder())
    tiny_training.storage.delete("checkpoints/job_test")


def test_a_checkpoint_with_a_flipped_bit_is_not_used_and_an_intact_one_is(
    tiny_training: TinyTraining,
) -> None:
    spec = tiny_training.spec(epochs=1)
    expected = run_training(tiny_training.request(spec), Recorder())
    key = tiny_training.drain(spec, before_step=2).saved[-1].key
    path = stored_path(tiny_training.storage, key)
    intact = path.read_bytes()
    for position in (0.0, 0.01, 0.5, 1.0):
        data = bytearray(intact)
        data[int(position * (len(data) - 1))] ^= 1
        path.write_bytes(data)
        again = Recorder(drain_before=1)
        with pytest.raises(Drained):
            run_training(tiny_training.request(spec, attempt=2, resume_from=key), again)
        assert again.rewound_to == [0]
        assert again.steps[0].step == 1
    rest = tiny_training.request(spec, attempt=3, resume_from=again.saved[-1].key)
    assert run_training(rest, Recorder()).metrics == expected.metrics
    path.write_bytes(intact)
    again = Recorder()
    run_training(tiny_training.request(spec, attempt=2, resume_from=key), again)
    assert again.rewound_to == []
    assert again.steps[0].step == 3
    tiny_training.storage.delete("checkpoints/job_test")


def test_after_a_missing_checkpoint_the_one_before_is_used(tiny_training: TinyTraining) -> None:
    spec = tiny_training.spec(recipe="classic", batch_size=16, epochs=3)
    whole, again = Recorder(), Recorder()
    expected = run_training(tiny_training.request(spec, checkpoint_every_s=0.0), whole)
    older, newer = (saved.key for saved in whole.saved[:2])
    tiny_training.storage.delete(newer)
    request = tiny_training.request(spec, attempt=2, resume_from=newer)
    trained = run_training(dataclasses.replace(request, fallback_checkpoints=(older,)), again)
    assert again.rewound_to == [1]
    assert again.steps[0].epoch == 2
    assert trained.metrics == expected.metrics
    tiny_training.storage.delete("checkpoints/job_test")


def test_without_any_checkpoint_a_resumed_training_starts_from_the_beginning(
    tiny_training: TinyTraining,
) -> None:
    again = Recorder()
    spec = tiny_training.spec(recipe="classic", batch_size=16)
    trained = run_training(tiny_training.request(spec, resume_from="checkpoints/job_test/0/gone"), again)
    assert again.rewound_to == [0]
    assert trained.metrics == run_training(tiny_training.request(spec), Recorder()).metrics
    tiny_training.storage.delete("checkpoints/job_test")


def test_resuming_with_another_number_of_threads_is_logged(
    tiny_training: TinyTraining, caplog: pytest.LogCaptureFixture
) -> None:
    spec = tiny_training.spec(epochs=1)
    drained = tiny_training.drain(spec, before_step=2)
    request = tiny_training.request(spec, attempt=2, resume_from=drained.saved[-1].key)
    with pytest.raises(Drained):  # before a step: two threads that share the CPUs with other tests are slow
        run_training(dataclasses.replace(request, threads=2), Recorder(drain_before=0))
    assert "threads 1 → 2" in caplog.text
    tiny_training.storage.delete("checkpoints/job_test")
