import dataclasses
import hashlib
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import torch

from model.artifact.manifest import MANIFEST_FILE, WEIGHTS_FILE, Manifest, model_key
from model.artifact.staging import stage_model
from model.artifact.trained_model import TrainedModel
from model.artifact.weights import load_initial_weights
from model.device.device import Device, open_device
from model.errors import InitModelUnavailableError, ModelError, TrainingDivergedError
from model.network.resnet9 import ResNet9
from model.recipes.recipe import RECIPES
from model.recipes.schedule import steps_per_epoch
from model.spec import RecipeName
from model.storage.opening import open_storage
from model.training.optim.initialisation import initialise_network
from model.training.optim.whitening import Whitening, whitening_matrix
from model.training.step import warm_up
from model.training.training import run_training
from tests.model.tiny import TIMINGS, Recorder, Workshop, import_colours


def weight_hash(trained: TrainedModel) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(trained.state_dict.items()):
        digest.update(name.encode() + tensor.numpy().tobytes())
    return digest.hexdigest()


@pytest.mark.parametrize("recipe", list(RecipeName))
def test_learns_colours_and_reports_as_it_goes(workshop: Workshop, recipe: RecipeName) -> None:
    recorder = Recorder()
    trained = workshop.train(recorder, recipe=recipe, epochs=3, learning_rate=0.05, batch_size=13)
    assert recorder.phases == ["preparing_data", "training", "evaluating"]
    assert [row.epoch for row in recorder.rows] == [1, 2, 3]
    assert all(row.val_loss is not None and row.images_per_s > 0 for row in recorder.rows)
    steps = steps_per_epoch(len(workshop.facts.classes) * 13, 13)
    assert [p.step for p in recorder.steps] == [*range(1, steps + 1)] * 3
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


def test_the_default_recipe_gets_colours_right(workshop: Workshop) -> None:
    trained = workshop.train(epochs=6)
    assert trained.metrics.test_accuracy == 1
    assert trained.metrics.test_accuracy_tta == 1


@pytest.mark.parametrize(
    ("recipe", "drain_before"), [("thorough", 2), ("thorough", 3), ("thorough", 4), ("classic", 4)]
)
def test_a_resumed_run_is_the_uninterrupted_run(workshop: Workshop, recipe: str, drain_before: int) -> None:
    spec = workshop.spec(recipe=recipe, batch_size=13)  # 3 steps an epoch
    whole = Recorder()
    expected = run_training(workshop.request(spec), whole)
    drained = workshop.drain(spec, drain_before)
    resumed = Recorder()
    key = drained.saved[-1].key
    again = run_training(workshop.request(spec, attempt=2, resume_from=key), resumed)
    assert weight_hash(again) == weight_hash(expected)
    assert [untimed(row) for row in drained.rows + resumed.rows] == [untimed(row) for row in whole.rows]
    assert again.metrics == expected.metrics
    assert again.temperature == expected.temperature
    workshop.storage.delete("checkpoints/job_test")


@pytest.mark.parametrize(("given", "stop_before", "epochs"), [
    ({}, 4, 1),  # within the second epoch: the first is the best so far
    ({}, 0, 1),  # before there is anything: as soon as there is
    ({"validation_fraction": 0.0}, 4, 2),  # without validation images only whole epochs count
])  # fmt: skip
def test_a_stopped_run_makes_a_model_of_what_it_has(
    workshop: Workshop, given: dict[str, object], stop_before: int, epochs: int
) -> None:
    spec = workshop.spec(epochs=50, batch_size=17, **given)  # 3 steps an epoch
    recorder = Recorder(stop_before=stop_before)
    stopped = run_training(workshop.request(spec), recorder)
    assert len(recorder.rows) == epochs
    assert (stopped.metrics.epochs, stopped.metrics.best_epoch) == (epochs, epochs)
    again = Recorder(stop_before=0)  # an attempt that goes on from there has nothing left to train
    repeated = run_training(workshop.request(spec, attempt=2, resume_from=recorder.saved[-1].key), again)
    assert again.steps == []
    assert weight_hash(repeated) == weight_hash(stopped)
    workshop.storage.delete("checkpoints/job_test")


def untimed(row: object) -> dict[str, object]:
    fields = dataclasses.asdict(row)  # type: ignore[call-overload]
    return {name: value for name, value in fields.items() if name not in TIMINGS}


def test_seeds_make_the_run(workshop: Workshop) -> None:
    first, same, other = (workshop.train(epochs=1, batch_size=20, seed=seed) for seed in (1, 1, 2))
    assert weight_hash(first) == weight_hash(same)
    assert weight_hash(first) != weight_hash(other)


def test_without_validation_images_the_last_epoch_is_published_uncalibrated(workshop: Workshop) -> None:
    recorder = Recorder()
    trained = workshop.train(recorder, validation_fraction=0.0)
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
def test_trains_at_the_edges_of_the_spec(workshop: Workshop, given: dict[str, object]) -> None:
    recorder = Recorder()
    workshop.train(recorder, epochs=1, **given)
    assert recorder.rows[0].train_loss > 0


def test_trains_on_two_classes_of_a_few_images(tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("few")
    storage = open_storage((root / "storage").as_uri())
    few = Workshop(storage, root / "cache", import_colours(root / "images", storage, classes=2, images=9))
    assert few.train(epochs=1, batch_size=16).classes == ["blue", "green"]


def test_every_image_is_seen_once_an_epoch_in_batches_of_one_size() -> None:
    assert steps_per_epoch(50_000, 512) == 98
    assert steps_per_epoch(33, 32) == 2  # of 17 and 16: none is too small for batch norm
    assert steps_per_epoch(5, 512) == 1


def test_divergence_names_epoch_and_step(workshop: Workshop) -> None:
    recorder = Recorder()
    with pytest.raises(TrainingDivergedError, match=r"epoch \d+, step \d+") as raised:
        workshop.train(recorder, epochs=10, batch_size=2, learning_rate=10.0, weight_decay=1.0)
    error = raised.value
    assert error.epoch == len(recorder.rows) + 1
    assert f"epoch {error.epoch}, step {error.step}" in str(error)
    assert 0 < error.step <= recorder.steps[0].steps


def test_warming_up_leaves_no_trace(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = weight_hash(workshop.train())
    cold = open_device("cpu", 1)
    batches: list[int] = []

    def warm_up_and_tell(network: ResNet9, device: Device, images: int, side: int) -> None:
        batches.append(images)
        warm_up(network, device, images, side)

    monkeypatch.setattr(
        "model.training.rank.open_device", lambda *_: dataclasses.replace(cold, needs_warm_up=True)
    )
    monkeypatch.setattr("model.training.rank.warm_up", warm_up_and_tell)
    assert weight_hash(workshop.train()) == expected
    assert batches == [8]


def test_an_absent_device_is_named(workshop: Workshop) -> None:
    request = dataclasses.replace(workshop.request(workshop.spec()), devices=("meta",))
    with pytest.raises(ModelError, match="'meta' is not there"):
        run_training(request, Recorder())


def test_staging_writes_weights_and_describes_them(workshop: Workshop) -> None:
    trained = workshop.train(epochs=1)
    draft = stage_model(trained, workshop.storage, "mdl_staged")
    weights = workshop.storage.read_bytes(model_key("mdl_staged", WEIGHTS_FILE))
    assert draft.files[WEIGHTS_FILE].sha256 == hashlib.sha256(weights).hexdigest()
    assert draft.files[WEIGHTS_FILE].size_bytes == len(weights)
    assert draft.parameters == 6_573_120 - 7 * 512
    assert draft.classes == ["blue", "green", "red"]
    assert draft.dataset.id == workshop.facts.id


def test_whitening_makes_patches_white() -> None:
    torch.manual_seed(0)
    # Neighbouring pixels alike, as in photos.
    images_NCHW = torch.nn.functional.avg_pool2d(torch.randn(64, 3, 18, 18), 3, stride=1) * 3
    patches = torch.nn.functional.unfold(images_NCHW, 3).transpose(0, 1).flatten(1)
    white = whitening_matrix(images_NCHW).float() @ patches
    variances = torch.linalg.eigvalsh(white.double().cov())
    assert variances.max() < 1.01
    assert variances.max() > 0.9


def test_the_network_stays_blind_to_what_its_images_never_show() -> None:
    recipe, grey_NCHW = RECIPES[RecipeName.FAST], torch.randn(32, 1, 16, 16).expand(-1, 3, -1, -1)
    network = initialise_network(recipe, 3)
    Whitening(network, whitening_matrix(grey_NCHW)).apply_to_weight()
    tint = torch.tensor([1.0, 0.0, -1.0]).view(1, 3, 1, 1)
    first = network.features[0].eval()
    with torch.inference_mode():
        torch.testing.assert_close(first(grey_NCHW + tint), first(grey_NCHW), atol=1e-4, rtol=1e-3)


def test_a_run_starts_from_another_models_weights(workshop: Workshop) -> None:
    """Its features are all there; the head's rows go by name, and a class that is new starts afresh."""
    spec = workshop.spec(epochs=3, learning_rate=0.05)
    trained = run_training(workshop.request(spec), Recorder())
    publish(workshop, trained, "mdl_first")
    classes = workshop.facts.classes
    network = ResNet9(len(classes))
    fresh_KC = network.head.weight.detach().clone()
    load_initial_weights(
        network, [classes[1], "something new", classes[0]][: len(classes)], workshop.storage, "mdl_first"
    )
    weights = network.state_dict()
    for name, tensor in trained.state_dict.items():
        if name != "head.weight":
            assert torch.equal(weights[name], tensor), name
    assert torch.equal(weights["head.weight"][0], trained.state_dict["head.weight"][1])
    assert torch.equal(weights["head.weight"][1], fresh_KC[1])

    again = Recorder()
    run_training(workshop.request(workshop.spec(epochs=1, learning_rate=1e-4, init_from="mdl_first")), again)
    afresh = Recorder()
    run_training(workshop.request(workshop.spec(epochs=1, learning_rate=1e-4)), afresh)
    assert again.rows[0].val_loss is not None
    assert afresh.rows[0].val_loss is not None
    assert again.rows[0].val_loss < afresh.rows[0].val_loss


def test_a_model_to_start_from_may_be_gone(workshop: Workshop) -> None:
    with pytest.raises(InitModelUnavailableError, match="mdl_gone"):
        run_training(workshop.request(workshop.spec(init_from="mdl_gone")), Recorder())


def publish(workshop: Workshop, trained: TrainedModel, model_id: str) -> None:
    draft = stage_model(trained, workshop.storage, model_id)
    manifest = Manifest(
        **dict(draft),
        id=model_id,
        name="first",
        version=1,
        created_at=datetime.now(UTC),
        created_by=None,
        job_id=None,
    )
    workshop.storage.put_bytes(model_key(model_id, MANIFEST_FILE), manifest.model_dump_json().encode())


def test_a_batch_that_memory_does_not_hold_is_taken_in_parts(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.model.little_memory_training", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    parts = json.loads(done.stdout)["parts"]
    assert parts > 1
    assert f"a batch is split into {parts} micro-batches" in done.stderr


def test_who_ran_out_of_memory_before_begins_with_smaller_parts(workshop: Workshop) -> None:
    request = workshop.request(workshop.spec(recipe="classic", batch_size=12))
    recorder = Recorder()
    trained = run_training(dataclasses.replace(request, micro_batches=4), recorder)
    assert trained.metrics.batch_parts == 4
    whole = workshop.train(recipe="classic", batch_size=12)
    assert whole.metrics.batch_parts == 1
    assert weight_hash(trained) != weight_hash(whole)  # batch norms saw a part at a time
    assert [row.epoch for row in recorder.rows] == [1, 2]
