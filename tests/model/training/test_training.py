import dataclasses
import hashlib
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from model.artifact.manifest import MANIFEST_FILE, Manifest, model_key
from model.artifact.staging import stage_model
from model.artifact.trained_model import TrainedModel
from model.artifact.weights import load_initial_weights
from model.device.device import Device, open_device
from model.errors import InitModelUnavailableError, ModelError, TrainingDivergedError
from model.network.resnet9 import ResNet9
from model.recipes.schedule import steps_per_epoch
from model.spec import RecipeName
from model.storage.opening import open_storage
from model.training import rank
from model.training.reporter import Drained, EpochRow
from model.training.step import warm_up
from model.training.training import run_training
from model.training.training_data import choose_validation
from tests.model.tiny_training import TIMINGS, Recorder, TinyTraining, import_colours

pytestmark = pytest.mark.usefixtures("narrow_network")


def weight_hash(trained: TrainedModel) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(trained.state_dict.items()):
        digest.update(name.encode() + tensor.numpy().tobytes())
    return digest.hexdigest()


@pytest.mark.parametrize("recipe", list(RecipeName))
def test_learns_colours_and_reports_phases_steps_and_epochs(
    tiny_training: TinyTraining, recipe: RecipeName
) -> None:
    recorder = Recorder()
    trained = tiny_training.train(recorder, recipe=recipe, learning_rate=0.05)
    assert recorder.phases == ["preparing_data", "training", "evaluating"]
    assert [row.epoch for row in recorder.rows] == [1, 2]
    assert all(row.val_loss is not None and row.images_per_s > 0 for row in recorder.rows)
    steps = steps_per_epoch(len(tiny_training.facts.classes) * 13, 13)
    assert [p.step for p in recorder.steps] == [*range(1, steps + 1)] * 2
    assert recorder.steps[-1].fraction == 1
    assert recorder.steps[-1].eta_s == 0
    assert trained.metrics.best_epoch == recorder.best_epochs[-1]
    assert recorder.rows[-1].train_loss < recorder.rows[0].train_loss
    for row in recorder.rows:
        assert row.gradient_norm is not None
        assert row.gradient_norm > 0
        assert row.data_share is not None
        assert 0 < row.data_share < 1
        assert row.peak_memory_mb is not None
        assert row.peak_memory_mb > 100
    low, high = trained.metrics.ci95
    assert low <= trained.metrics.test_accuracy <= high


def test_the_default_recipe_gets_colours_right(tiny_training: TinyTraining) -> None:
    trained = tiny_training.train(recipe=None, epochs=3, batch_size=20)
    assert trained.metrics.test_accuracy == 1
    assert trained.metrics.test_accuracy_tta == 1


@pytest.mark.parametrize(("recipe", "drains_before"), [("thorough", [2, 3, 4]), ("classic", [4])])
def test_a_resumed_training_has_the_weights_of_an_uninterrupted_one(
    tiny_training: TinyTraining, recipe: str, drains_before: list[int]
) -> None:
    """Drained within its first epoch of three steps, at its end, and within the second epoch."""
    spec = tiny_training.spec(recipe=recipe)
    whole = Recorder()
    expected = run_training(tiny_training.request(spec), whole)
    rows: list[EpochRow] = []
    key, steps = None, 0
    for attempt, drain_before in enumerate(drains_before, start=1):
        drained = Recorder(drain_before=drain_before - steps)
        with pytest.raises(Drained):
            run_training(tiny_training.request(spec, attempt=attempt, resume_from=key), drained)
        rows, key, steps = rows + drained.rows, drained.saved[-1].key, drain_before
    resumed = Recorder()
    last = tiny_training.request(spec, attempt=len(drains_before) + 1, resume_from=key)
    again = run_training(last, resumed)
    assert len(resumed.steps) == len(whole.steps) - steps
    assert weight_hash(again) == weight_hash(expected)
    assert [untimed(row) for row in rows + resumed.rows] == [untimed(row) for row in whole.rows]
    assert again.metrics == expected.metrics
    assert again.temperature == expected.temperature
    tiny_training.storage.delete("checkpoints/job_test")


@pytest.mark.parametrize(("given", "stop_before", "epochs"), [
    ({}, 4, 1),  # a stop within epoch 2: epoch 1 is the best so far
    ({}, 0, 1),  # a stop before the first step: postponed until epoch 1 is evaluated
    ({"validation_fraction": 0.0}, 4, 2),  # without validation images a stop waits for the end of an epoch
])  # fmt: skip
def test_a_stopped_training_publishes_the_best_epoch_so_far(
    tiny_training: TinyTraining, given: dict[str, object], stop_before: int, epochs: int
) -> None:
    spec = tiny_training.spec(epochs=50, batch_size=17, **given)  # 3 steps an epoch
    recorder = Recorder(stop_before=stop_before)
    stopped = run_training(tiny_training.request(spec), recorder)
    assert len(recorder.rows) == epochs
    assert (stopped.metrics.epochs, stopped.metrics.best_epoch) == (epochs, epochs)
    again = Recorder(stop_before=0)  # an attempt that resumes from there has nothing left to train
    repeated = run_training(tiny_training.request(spec, attempt=2, resume_from=recorder.saved[-1].key), again)
    assert again.steps == []
    assert weight_hash(repeated) == weight_hash(stopped)
    tiny_training.storage.delete("checkpoints/job_test")


def untimed(row: object) -> dict[str, object]:
    fields = dataclasses.asdict(row)  # type: ignore[call-overload]
    return {name: value for name, value in fields.items() if name not in TIMINGS}


def test_the_live_loss_is_known_from_the_first_step_also_where_it_is_read_rarely(
    tiny_training: TinyTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    rarely = dataclasses.replace(open_device("cpu", 1), steps_between_loss_reads=50)
    monkeypatch.setattr(rank, "open_device", lambda *_: rarely)
    recorder = Recorder()
    tiny_training.train(recorder, recipe="classic")
    assert len(recorder.steps) < 50
    losses = [step.loss for step in recorder.steps]
    assert losses[0]
    assert None not in losses


def test_the_seed_determines_the_weights(tiny_training: TinyTraining) -> None:
    first, same, other = (tiny_training.train(epochs=1, seed=seed) for seed in (1, 1, 2))
    assert weight_hash(first) == weight_hash(same)
    assert weight_hash(first) != weight_hash(other)


def test_without_validation_images_the_last_epoch_is_published_uncalibrated(
    tiny_training: TinyTraining,
) -> None:
    recorder = Recorder()
    trained = tiny_training.train(recorder, validation_fraction=0.0)
    assert [(row.val_loss, row.val_accuracy) for row in recorder.rows] == [(None, None)] * 2
    assert recorder.best_epochs == []
    assert trained.temperature == 1.0
    assert trained.metrics.best_epoch == trained.metrics.epochs == 2
    assert trained.metrics.val_accuracy is None
    assert trained.metrics.model_dump()["calibration"] == "uncalibrated"


@pytest.mark.parametrize(
    "given",
    [{"batch_size": 512}, {"batch_size": 37}, {"augmentation": "photo"}, {"augmentation": "none"},
     {"class_weighting": "square_root"}, {"horizontal_flip": False}],
)  # fmt: skip
def test_trains_with_unusual_specs(tiny_training: TinyTraining, given: dict[str, object]) -> None:
    recorder = Recorder()
    tiny_training.train(recorder, epochs=1, **given)
    assert recorder.rows[0].train_loss > 0


def test_trains_on_two_classes_of_a_few_images(tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("few")
    storage = open_storage((root / "storage").as_uri())
    few = TinyTraining(storage, root / "cache", import_colours(root / "images", storage, classes=2, images=9))
    assert few.train(epochs=1, batch_size=16).classes == ["blue", "green"]


def test_the_batches_of_an_epoch_have_nearly_equal_sizes() -> None:
    assert steps_per_epoch(50_000, 512) == 98
    assert steps_per_epoch(33, 32) == 2  # batches of 17 and 16 images: none is too small for batch norm
    assert steps_per_epoch(5, 512) == 1


def test_divergence_names_epoch_and_step(tiny_training: TinyTraining) -> None:
    recorder = Recorder()
    with pytest.raises(TrainingDivergedError, match=r"epoch \d+, step \d+") as raised:
        tiny_training.train(recorder, epochs=10, batch_size=2, learning_rate=10.0, weight_decay=1.0)
    error = raised.value
    assert error.epoch == len(recorder.rows) + 1
    assert f"epoch {error.epoch}, step {error.step}" in str(error)
    assert 0 < error.step <= recorder.steps[0].steps


def test_warming_up_does_not_change_the_weights(
    tiny_training: TinyTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = weight_hash(tiny_training.train(epochs=1))
    cold = open_device("cpu", 1)
    batches: list[int] = []

    def recording_warm_up(network: ResNet9, device: Device, images: int, side: int) -> None:
        batches.append(images)
        warm_up(network, device, images, side)

    monkeypatch.setattr(
        "model.training.rank.open_device", lambda *_: dataclasses.replace(cold, needs_warm_up=True)
    )
    monkeypatch.setattr("model.training.rank.warm_up", recording_warm_up)
    assert weight_hash(tiny_training.train(epochs=1)) == expected
    assert batches == [13]


def test_an_error_names_the_missing_device(tiny_training: TinyTraining) -> None:
    request = dataclasses.replace(tiny_training.request(tiny_training.spec()), devices=("meta",))
    with pytest.raises(ModelError, match="'meta' is not there"):
        run_training(request, Recorder())


def test_a_training_starts_from_another_models_weights(tiny_training: TinyTraining) -> None:
    """All weights but the head are copied. The head's rows are copied by class name; new classes keep random weights."""
    spec = tiny_training.spec(recipe="thorough", epochs=3, learning_rate=0.05)
    trained = run_training(tiny_training.request(spec), Recorder())
    publish(tiny_training, trained, "mdl_first")
    classes = tiny_training.facts.classes
    network = ResNet9(len(classes))
    fresh_KC = network.head.weight.detach().clone()
    load_initial_weights(
        network, [classes[1], "something new", classes[0]][: len(classes)], tiny_training.storage, "mdl_first"
    )
    weights = network.state_dict()
    for name, tensor in trained.state_dict.items():
        if name != "head.weight":
            assert torch.equal(weights[name], tensor), name
    assert torch.equal(weights["head.weight"][0], trained.state_dict["head.weight"][1])
    assert torch.equal(weights["head.weight"][1], fresh_KC[1])

    again, from_random = Recorder(), Recorder()
    hardly = {"recipe": "thorough", "epochs": 1, "learning_rate": 1e-4}
    tiny_training.train(again, **hardly, init_from="mdl_first")
    tiny_training.train(from_random, **hardly)
    assert again.rows[0].val_loss is not None
    assert from_random.rows[0].val_loss is not None
    assert again.rows[0].val_loss < from_random.rows[0].val_loss


def test_a_deleted_initial_model_is_an_error(tiny_training: TinyTraining) -> None:
    with pytest.raises(InitModelUnavailableError, match="mdl_gone"):
        run_training(tiny_training.request(tiny_training.spec(init_from="mdl_gone")), Recorder())


def publish(tiny_training: TinyTraining, trained: TrainedModel, model_id: str) -> None:
    draft = stage_model(trained, tiny_training.storage, model_id)
    manifest = Manifest(
        **dict(draft),
        id=model_id,
        name="first",
        version=1,
        created_at=datetime.now(UTC),
        created_by=None,
        job_id=None,
    )
    tiny_training.storage.put_bytes(model_key(model_id, MANIFEST_FILE), manifest.model_dump_json().encode())


def test_a_batch_that_does_not_fit_in_memory_is_split_into_micro_batches(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.model.training_with_limited_memory", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    micro_batches = found["micro_batches"]
    assert micro_batches > 1
    assert not found["imports_the_compiler"]  # 2 s and 160 MB that no training needs
    assert f"a batch is split into {micro_batches} micro-batches" in done.stderr


def test_a_training_can_start_with_several_micro_batches(tiny_training: TinyTraining) -> None:
    request = tiny_training.request(tiny_training.spec(epochs=1))
    recorder = Recorder()
    trained = run_training(dataclasses.replace(request, micro_batches=4), recorder)
    assert trained.metrics.batch_parts == 4
    whole = tiny_training.train(epochs=1)
    assert whole.metrics.batch_parts == 1
    assert weight_hash(trained) != weight_hash(whole)  # batch norm statistics are of a micro-batch
    assert [row.epoch for row in recorder.rows] == [1]


def pictures(numbers: list[int]) -> np.ndarray:
    """Return an image for each number, uint8 [N, 4, 4, 3]; equal numbers give equal images."""
    return np.stack([np.full((4, 4, 3), number, np.uint8) for number in numbers])


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 30)), min_size=1, max_size=80),
    st.sampled_from([0.1, 0.3]),
    st.integers(0, 3),
)
def test_equal_images_are_on_one_side_of_the_validation_split(
    images: list[tuple[int, int]], fraction: float, seed: int
) -> None:
    labels_N, numbers_N = np.array(images).T
    is_chosen_N = choose_validation(pictures(numbers_N.tolist()), labels_N, fraction, seed)
    assert set(numbers_N[is_chosen_N]).isdisjoint(numbers_N[~is_chosen_N])


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 30)), min_size=20, max_size=80),
    st.lists(st.sets(st.integers(0, 19), min_size=2, max_size=5), max_size=5),
)
def test_near_duplicates_are_on_one_side_of_the_validation_split(
    images: list[tuple[int, int]], groups: list[set[int]]
) -> None:
    labels_N, numbers_N = np.array(images).T
    members = [sorted(group) for group in groups]
    is_chosen_N = choose_validation(pictures(numbers_N.tolist()), labels_N, 0.2, 0, members)
    assert all(len(set(is_chosen_N[group].tolist())) == 1 for group in members)
    assert set(numbers_N[is_chosen_N]).isdisjoint(numbers_N[~is_chosen_N])


def test_copies_do_not_change_how_many_images_are_for_validation() -> None:
    labels_N = np.repeat([0, 1], 40)
    for copies in (1, 2, 4):
        numbers = [number // copies for number in range(80)]
        is_chosen_N = choose_validation(pictures(numbers), labels_N, 0.2, 0)
        assert np.bincount(labels_N[is_chosen_N]).tolist() == [8, 8]
    same = choose_validation(pictures([7] * 10 + list(range(100, 110))), np.repeat([0, 1], 10), 0.2, 0)
    assert same[:10].sum() == 0  # a class of one image stays in training
