"""A training finds the wrong labels of its dataset, also when it is interrupted. With its own dataset of wrong labels."""

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from model.artifact.label_errors import LABEL_ERRORS_FILE, LabelErrors
from model.artifact.manifest import model_key
from model.artifact.staging import stage_model
from model.data.importing import import_dataset
from model.data.opening import open_dataset
from model.storage.local import LocalStorage
from model.training.training import run_training
from tests.model.tiny_training import COLOURS, Recorder, TinyTraining, import_colours

pytestmark = pytest.mark.usefixtures("narrow_network")

WRONG = {("train", "red"): "green", ("test", "green"): "blue"}
"""One image of this split and colour is in the folder of the other colour."""


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> TinyTraining:
    folder = tmp_path_factory.mktemp("wrong")
    storage = LocalStorage(folder / "storage")
    import_colours(folder / "images", storage, images=12)
    for (split, colour), label in WRONG.items():
        moved = folder / "images" / split / colour / "0.png"
        moved.rename(folder / "images" / split / label / "moved.png")
    facts = import_dataset(folder / "images", storage, "wrong").facts
    return TinyTraining(storage, folder / "cache", facts)


def colour_of(training: TinyTraining, image: str) -> str:
    """Return the colour that an image really has."""
    with open_dataset(training.facts.id, training.storage, training.cache_dir) as opened:
        for split in (opened.train, opened.test):
            if image in split.ids:
                pixel = (
                    split.read(split.ids.index(image), 16)
                    .resize((1, 1), Image.Resampling.BOX)
                    .getpixel((0, 0))
                )
                assert isinstance(pixel, tuple)
                return max(
                    COLOURS,
                    key=lambda name: -sum((a - b) ** 2 for a, b in zip(pixel, COLOURS[name], strict=True)),
                )
    raise AssertionError(f"the dataset has no image {image}")


def check_found(training: TinyTraining, found: LabelErrors | None) -> None:
    assert found is not None
    assert found.dataset_id == training.facts.id
    first = found.images[: len(WRONG)]
    assert {(error.split, error.suggested): error.label for error in first} == WRONG
    assert all(colour_of(training, error.image) == error.suggested for error in first)


def test_wrong_labels_of_training_and_test_images_come_first(training: TinyTraining) -> None:
    trained = training.train(epochs=6, validation_fraction=0.0)
    check_found(training, trained.label_errors)
    stage_model(trained, training.storage, "mdl_1")
    stored = training.storage.read_bytes(model_key("mdl_1", LABEL_ERRORS_FILE))
    assert LabelErrors.model_validate_json(stored) == trained.label_errors


def test_a_resumed_training_finds_what_an_uninterrupted_one_finds(training: TinyTraining) -> None:
    spec = training.spec(epochs=6, validation_fraction=0.0)
    drained = training.drain(spec, before_step=8)
    resumed = replace(training.request(spec, attempt=2), resume_from=drained.saved[-1].key)
    assert (
        run_training(resumed, Recorder()).label_errors
        == training.train(epochs=6, validation_fraction=0.0).label_errors
    )


def test_without_wrong_labels_there_are_hardly_any(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path / "storage")
    training = TinyTraining(
        storage, tmp_path / "cache", import_colours(tmp_path / "images", storage, images=12)
    )
    found = training.train(epochs=6, validation_fraction=0.0).label_errors
    assert found is not None
    assert found.count <= 1
