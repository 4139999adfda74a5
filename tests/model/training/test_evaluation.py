"""What a training stores beside the weights, and that labels of test images decide nothing."""

import hashlib
from pathlib import Path

import pytest

from model.artifact.manifest import WEIGHTS_FILE, DatasetReference, unregistered_manifest
from model.artifact.staging import stage_model
from model.artifact.trained_model import TrainedModel
from model.data.importing import import_dataset
from model.evaluation.evaluating import evaluate
from model.evaluation.evaluation import EVALUATION_FILE, Evaluation
from model.evaluation.stored_predictions import PREDICTIONS_FILE, read_predictions
from model.storage.interface import Storage
from model.storage.opening import open_storage
from tests.model.photos import photo
from tests.model.tiny_training import TinyTraining, import_colours

pytestmark = pytest.mark.usefixtures("narrow_network")


def test_the_evaluation_follows_from_the_stored_predictions_alone(tiny_training: TinyTraining) -> None:
    trained, storage = tiny_training.train(), tiny_training.storage
    manifest = unregistered_manifest(
        stage_model(trained, storage, "mdl_evaluated"), "mdl_evaluated", "colours"
    )
    assert {WEIGHTS_FILE, PREDICTIONS_FILE, EVALUATION_FILE} <= set(manifest.files)
    predictions = read_predictions(storage, manifest)
    stored = Evaluation.model_validate_json(storage.read_bytes(f"models/mdl_evaluated/{EVALUATION_FILE}"))
    assert evaluate(predictions, manifest.classes, manifest.temperature, manifest.dataset) == stored
    assert stored.images == 18
    assert stored.accuracy == manifest.metrics.test_accuracy
    assert stored.log_loss == manifest.metrics.test_loss
    assert stored.dataset == DatasetReference.of(tiny_training.facts)


def test_near_duplicates_among_the_test_images_are_a_group(storage: Storage, tmp_path: Path) -> None:
    for label in (0, 1):
        for number in range(5):
            for split in ("train", "test"):
                folder = tmp_path / "photos" / split / f"class {label}"
                folder.mkdir(parents=True, exist_ok=True)
                image = photo(number + 10 * label + (100 if split == "test" else 0))
                image.save(folder / f"{number}.png")
                if split == "test" and number < 2:
                    image.save(folder / f"{number}.jpg", quality=80)
    training = TinyTraining(
        storage, tmp_path / "cache", import_dataset(tmp_path / "photos", storage, "photos").facts
    )
    draft = stage_model(training.train(epochs=1), storage, "mdl_grouped")
    manifest = unregistered_manifest(draft, "mdl_grouped", "photos")
    groups_N = read_predictions(storage, manifest).groups_N
    assert sorted(groups_N.tolist()) == [-1] * 6 + [0, 0, 1, 1, 2, 2, 3, 3]
    stored = Evaluation.model_validate_json(storage.read_bytes(f"models/mdl_grouped/{EVALUATION_FILE}"))
    assert (stored.images, stored.groups) == (14, 10)


@pytest.mark.parametrize("given", [{}, {"validation_fraction": 0.0}])
def test_labels_of_test_images_decide_nothing(tmp_path: Path, given: dict[str, object]) -> None:
    honest, poisoned = (
        train_on(tmp_path / name, is_poisoned=name == "poisoned", **given) for name in ("honest", "poisoned")
    )
    assert honest.spec.model_dump(exclude={"dataset"}) == poisoned.spec.model_dump(exclude={"dataset"})
    assert weight_hash(honest) == weight_hash(poisoned)
    assert honest.temperature == poisoned.temperature
    assert honest.preprocessing == poisoned.preprocessing
    chosen = {"best_epoch", "val_accuracy", "val_loss", "ece_before", "ece_after", "calibration"}
    assert honest.metrics.model_dump(include=chosen) == poisoned.metrics.model_dump(include=chosen)
    assert honest.metrics.test_accuracy != poisoned.metrics.test_accuracy  # the labels are indeed others
    thresholds = [
        [(one.min_score, one.coverage) for one in evaluation_of(trained).thresholds]
        for trained in (honest, poisoned)
    ]
    assert thresholds[0] == thresholds[1]


def train_on(folder: Path, *, is_poisoned: bool, **given: object) -> TrainedModel:
    """Train on squares of three colours; poisoned, every test image lies in the folder of another colour."""
    storage = open_storage((folder / "storage").as_uri())
    images = folder / "images"
    import_colours(images, open_storage((folder / "unused").as_uri()))
    if is_poisoned:
        test = images / "test"
        for old, new in (("blue", "kept"), ("green", "blue"), ("red", "green"), ("kept", "red")):
            (test / old).rename(test / new)
    facts = import_dataset(images, storage, "colours").facts
    return TinyTraining(storage, folder / "cache", facts).train(None, epochs=3, **given)


def evaluation_of(trained: TrainedModel) -> Evaluation:
    return Evaluation.model_validate_json(trained.further_files[EVALUATION_FILE])


def weight_hash(trained: TrainedModel) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(trained.state_dict.items()):
        digest.update(name.encode() + tensor.numpy().tobytes())
    return digest.hexdigest()
