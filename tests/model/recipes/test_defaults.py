"""What is chosen where the user says nothing: for any dataset something that trains, and the same each time."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from model.data.importing import import_dataset
from model.recipes.defaults import resolve
from model.recipes.schedule import steps_per_epoch
from model.recipes.validation import validation_counts
from model.spec import DatasetFacts, JobSpec, ResolvedSpec
from model.storage.interface import Storage
from model.training.training import run_training
from tests.model.tiny import Recorder, Workshop
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


def resolve_nothing(facts: DatasetFacts, device: str) -> tuple[ResolvedSpec, list[str]]:
    return resolve(JobSpec(dataset=facts.id), facts, device)


@settings(max_examples=300, deadline=None)
@given(facts=any_facts(), device=st.sampled_from(["cpu", "cuda"]))
def test_any_dataset_gets_a_spec_that_can_train(facts: DatasetFacts, device: str) -> None:
    spec, warnings = resolve_nothing(facts, device)
    assert (spec, warnings) == resolve_nothing(facts, device)
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


@dataclasses.dataclass(frozen=True)
class Made:
    """A dataset that is made up: each class a colour, or a shade, under noise."""

    classes: int
    images: int
    """Of each class."""
    side: int
    mode: str


def make(made: Made, folder: Path, storage: Storage) -> DatasetFacts:
    random = np.random.default_rng(0)
    for label in range(made.classes):
        channels = 1 if made.mode == "L" else 3
        shade = random.integers(30, 226, channels)
        path = folder / f"class-{label:04}"
        path.mkdir(parents=True)
        for number in range(made.images):
            noise = random.integers(-30, 31, (made.side, made.side, channels))
            pixels = np.clip(noise + shade, 0, 255).astype(np.uint8).squeeze()
            Image.fromarray(pixels, made.mode).save(path / f"{number}.png")
    return import_dataset(folder, storage, "made").facts


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "made",
    [
        pytest.param(Made(classes=2, images=10, side=16, mode="L"), id="twenty grey images"),
        pytest.param(Made(classes=4, images=8, side=224, mode="RGB"), id="large images"),
        pytest.param(Made(classes=7, images=9, side=23, mode="RGB"), id="an odd size"),
        pytest.param(
            Made(classes=1000, images=4, side=16, mode="RGB"), id="a thousand classes", marks=pytest.mark.slow
        ),
    ],
)
def test_what_is_chosen_trains_and_trains_alike(made: Made, tmp_path: Path, storage: Storage) -> None:
    facts = make(made, tmp_path / "images", storage)
    few: dict[str, Any] = {"epochs": 4}
    spec, _ = resolve(JobSpec(dataset=facts.id, **few), facts, "cpu")
    workshop = Workshop(storage, tmp_path / "cache", facts)
    recorders = [Recorder(), Recorder()]
    first, second = (run_training(workshop.request(spec), recorder) for recorder in recorders)
    losses = [row.train_loss for row in recorders[0].rows]
    assert losses[-1] < losses[0]
    assert weight_hash(first) == weight_hash(second)
    assert first.metrics == second.metrics
