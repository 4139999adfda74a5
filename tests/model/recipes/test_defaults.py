"""Defaults give every dataset a spec that trains, and always the same one."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError

from model.data.importing import import_dataset
from model.errors import UnfitSpecError
from model.recipes.defaults import resolve
from model.recipes.schedule import steps_per_epoch
from model.recipes.validation import validation_counts
from model.spec import Augmentation, ClassWeighting, DatasetFacts, JobSpec, RecipeName, ResolvedSpec
from model.storage.interface import Storage
from model.training.training import run_training
from tests.model.dataset_facts import facts, resolved, warnings
from tests.model.tiny_training import Recorder, TinyTraining
from tests.model.training.test_training import weight_hash

MOST_CLASSES, MOST_IMAGES = 1000, 60_000


@st.composite
def any_facts(draw: st.DrawFn) -> DatasetFacts:
    classes = draw(st.integers(2, MOST_CLASSES))
    mean = draw(st.integers(2, max(2, MOST_IMAGES // classes)))
    uneven = draw(st.lists(st.integers(2, 4 * mean), max_size=5))
    counts = [*uneven, *([mean] * classes)][:classes]
    return DatasetFacts(
        id="ds_any",
        name="any",
        classes=[f"class {number}" for number in range(classes)],
        train_counts=counts,
        test_counts=[1] * classes,
        median_width=draw(st.integers(1, 4000)),
        median_height=draw(st.integers(1, 4000)),
        mirror_symmetric=draw(st.booleans()),
        content_hash="0",
    )


def resolve_defaults(facts: DatasetFacts, device: str) -> tuple[ResolvedSpec, list[str]]:
    return resolve(JobSpec(dataset=facts.id), facts, device)


@settings(max_examples=300, deadline=None)
@given(facts=any_facts(), device=st.sampled_from(["cpu", "cuda"]))
def test_any_dataset_gets_a_spec_that_can_train(facts: DatasetFacts, device: str) -> None:
    spec, warnings = resolve_defaults(facts, device)
    assert (spec, warnings) == resolve_defaults(facts, device)
    aside = validation_counts(facts.train_counts, spec.validation_fraction)
    images = facts.train_images - sum(aside)
    smallest_batch = images // steps_per_epoch(images, spec.batch_size)
    assert smallest_batch >= 2
    assert all(kept > 0 for kept in np.subtract(facts.train_counts, aside))
    assert 16 <= spec.image_size <= 64
    assert 16 <= spec.batch_size <= 512
    assert 0 < spec.learning_rate <= 1
    assert spec.horizontal_flip <= facts.mirror_symmetric
    assert all(warning.endswith((".", "!")) for warning in warnings)


@pytest.mark.parametrize(
    ("side", "device", "size"),
    [(8, "cpu", 16), (23, "cpu", 16), (24, "cpu", 32), (32, "cuda", 32), (48, "cpu", 64), (95, "cuda", 64),
     (96, "cpu", 64), (96, "cuda", 64), (1024, "cpu", 64), (1024, "cuda", 64)],
)  # fmt: skip
def test_image_size_follows_the_median_short_side(side: int, device: str, size: int) -> None:
    assert resolved(facts([50, 50], side=side), device).image_size == size


@pytest.mark.parametrize(
    ("images", "batch"), [(100, 16), (1423, 32), (5_000, 64), (20_480, 512), (20_479, 256), (50_000, 512)]
)
def test_the_batch_size_gives_at_least_40_steps_per_epoch(images: int, batch: int) -> None:
    assert resolved(facts([images // 2, images - images // 2])).batch_size == batch


@pytest.mark.parametrize(
    ("images", "device", "recipe", "epochs"),
    [(50_000, "cpu", RecipeName.FAST, 9), (20_000, "cuda", RecipeName.FAST, 9),
     (19_998, "cuda", RecipeName.THOROUGH, 26), (5_000, "cuda", RecipeName.THOROUGH, 100),
     (5_000, "cpu", RecipeName.THOROUGH, 20)],
)  # fmt: skip
def test_recipe_and_epochs_follow_size_and_device(
    images: int, device: str, recipe: RecipeName, epochs: int
) -> None:
    spec = resolved(facts([images // 2] * 2), device)
    assert (spec.recipe, spec.epochs) == (recipe, epochs)


@pytest.mark.parametrize(("images", "fraction"), [(10_000, 0.05), (2_000, 0.1), (1_998, 0.2)])
def test_validation_fraction_follows_the_size(images: int, fraction: float) -> None:
    assert resolved(facts([images // 2] * 2)).validation_fraction == fraction


def test_photos_get_photo_augmentation() -> None:
    assert resolved(facts([500, 500], side=200)).augmentation is Augmentation.PHOTO
    assert resolved(facts([500, 500], side=32)).augmentation is Augmentation.LIGHT


def test_flips_follow_the_dataset_unless_the_spec_sets_them() -> None:
    digits = facts([500, 500], mirror_symmetric=False)
    assert not resolved(digits).horizontal_flip
    assert resolved(digits, horizontal_flip=True).horizontal_flip
    assert "horizontal_flip" in warnings(digits, horizontal_flip=True)


def test_uneven_classes_are_weighted_with_a_warning() -> None:
    assert resolved(facts([400, 100])).class_weighting is ClassWeighting.SQUARE_ROOT
    assert resolved(facts([300, 100])).class_weighting is ClassWeighting.NONE
    assert "class_weighting" in warnings(facts([400, 100]))


def test_the_learning_rate_scales_with_the_batch() -> None:
    assert resolved(facts([25_000] * 2)).learning_rate == 0.5
    assert resolved(facts([25_000] * 2), batch_size=128).learning_rate == 0.25


def test_fields_that_the_user_sets_stay() -> None:
    given: dict[str, Any] = {
        "name": "mine", "recipe": "fast", "epochs": 3, "batch_size": 7, "learning_rate": 0.3,
        "weight_decay": 0.0, "label_smoothing": 0.0, "image_size": 48, "resize": "pad",
        "augmentation": "none", "horizontal_flip": False, "class_weighting": "none", "seed": 5,
        "validation_fraction": 0.0, "promote": "never", "tags": ["a"], "init_from": "mdl_1", "time_budget_s": 60.0,
        "gpus": 2,
    }  # fmt: skip
    assert "patience" not in resolved(facts([500, 100]), **given).model_dump()  # the first release refuses it
    assert resolved(facts([500, 100]), **given | {"patience": 3, "validation_fraction": 0.1}).patience == 3
    spec = resolved(facts([500, 100]), **given)
    assert spec.model_dump(mode="json") == {"dataset": "ds_0123", **given}


def test_patience_needs_validation_images() -> None:
    with pytest.raises(UnfitSpecError, match=r"validation_fraction 0.1 of this dataset is none: raise"):
        resolved(facts([4, 4]), batch_size=4, validation_fraction=0.1, patience=3)
    with pytest.raises(ValidationError, match="validation_fraction is 0: raise validation_fraction"):
        JobSpec(dataset="any", validation_fraction=0.0, patience=3)


def test_each_device_needs_two_images_of_every_batch() -> None:
    assert resolved(facts([10, 10]), batch_size=4, validation_fraction=0.0, gpus=2).gpus == 2
    with pytest.raises(UnfitSpecError, match="batches of 4 images are too small for 3 devices"):
        resolved(facts([10, 10]), batch_size=4, validation_fraction=0.0, gpus=3)


@dataclasses.dataclass(frozen=True)
class GeneratedDataset:
    """Describes a dataset of noisy squares: each class has its own colour or shade of grey."""

    classes: int
    images: int
    """Images of each class."""
    side: int
    mode: str


def generate(generated: GeneratedDataset, folder: Path, storage: Storage) -> DatasetFacts:
    random = np.random.default_rng(0)
    for label in range(generated.classes):
        channels = 1 if generated.mode == "L" else 3
        shade = random.integers(30, 226, channels)
        path = folder / f"class-{label:04}"
        path.mkdir(parents=True)
        for number in range(generated.images):
            noise = random.integers(-30, 31, (generated.side, generated.side, channels))
            pixels = np.clip(noise + shade, 0, 255).astype(np.uint8).squeeze()
            Image.fromarray(pixels, generated.mode).save(path / f"{number}.png")
    return import_dataset(folder, storage, "generated").facts


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "generated",
    [
        pytest.param(GeneratedDataset(classes=2, images=10, side=16, mode="L"), id="twenty grey images"),
        pytest.param(GeneratedDataset(classes=4, images=8, side=224, mode="RGB"), id="large images"),
        pytest.param(GeneratedDataset(classes=7, images=9, side=23, mode="RGB"), id="an odd size"),
        pytest.param(
            GeneratedDataset(classes=1000, images=4, side=16, mode="RGB"),
            id="a thousand classes",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_training_with_defaults_learns_and_is_reproducible(
    generated: GeneratedDataset, tmp_path: Path, storage: Storage
) -> None:
    facts = generate(generated, tmp_path / "images", storage)
    few: dict[str, Any] = {"epochs": 4}
    spec, _ = resolve(JobSpec(dataset=facts.id, **few), facts, "cpu")
    tiny_training = TinyTraining(storage, tmp_path / "cache", facts)
    recorders = [Recorder(), Recorder()]
    first, second = (run_training(tiny_training.request(spec), recorder) for recorder in recorders)
    losses = [row.train_loss for row in recorders[0].rows]
    assert losses[-1] < losses[0]
    assert weight_hash(first) == weight_hash(second)
    assert first.metrics == second.metrics
