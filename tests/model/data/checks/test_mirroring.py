"""Whether images may be mirrored is found out from the images, when they are imported."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model.data.record import DatasetRecord
from model.recipes.defaults import resolve
from model.spec import JobSpec
from model.storage.interface import Storage
from tests.handwritten import digit_images
from tests.model.imports import import_files
from tests.model.pictures import encode


def arrow(points_right: bool, seed: int) -> Image.Image:
    """Return a dark arrow at a random place on a light ground."""
    random = np.random.default_rng(seed)
    pixels = np.clip(random.normal(235, 12, (32, 32, 3)), 0, 255).astype(np.uint8)
    y, x, length = random.integers(9, 23), random.integers(3, 9), random.integers(15, 21)
    pixels[y - 1 : y + 2, x : x + length] = 30
    for row in range(6):
        pixels[y - row : y + row + 1, x + length - row] = 30
    return Image.fromarray(pixels if points_right else pixels[:, ::-1])


def blob(is_red: bool, seed: int) -> Image.Image:
    """Return smooth random colours with more red or more blue in the middle, alike when mirrored."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (5, 5, 3))
    coarse[1:4, 1:4, 0 if is_red else 2] += 60
    return Image.fromarray(np.clip(coarse, 0, 255).astype(np.uint8)).resize(
        (32, 32), Image.Resampling.BICUBIC
    )


def drawn(
    classes: tuple[str, str], draw: Callable[[bool, int], Image.Image], images: int = 40
) -> dict[str, bytes]:
    """Return images of two classes, by path."""
    return {
        f"{label}/{n}.png": encode(draw(index == 0, n + 1000 * index))
        for index, label in enumerate(classes)
        for n in range(images)
    }


def may_mirror(record: DatasetRecord) -> bool:
    """Whether a job on this dataset mirrors images by default."""
    spec, warnings = resolve(JobSpec(dataset=record.facts.id), record.facts, "cpu")
    said = [warning for warning in (*warnings, *record.warnings) if "horizontal_flip" in warning]
    assert len(said) == (0 if spec.horizontal_flip else 2)  # by the dataset and by the job
    return spec.horizontal_flip


def test_arrows_are_not_mirrored(storage: Storage, tmp_path: Path) -> None:
    assert not may_mirror(import_files(drawn(("one", "two"), arrow), storage, tmp_path))


def test_images_that_look_alike_when_mirrored_are_mirrored(storage: Storage, tmp_path: Path) -> None:
    assert may_mirror(import_files(drawn(("one", "two"), blob), storage, tmp_path))


def test_near_duplicates_are_mirrored(storage: Storage, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    files = {}
    for path, data in drawn(("one", "two"), blob, 20).items():
        pixels = np.asarray(Image.open(BytesIO(data))).astype(int)
        for frame in range(4):
            noisy = np.clip(pixels + random.integers(-8, 9, pixels.shape), 0, 255).astype(np.uint8)
            files[path.replace("/", f"/{frame}-")] = encode(Image.fromarray(noisy))
    assert may_mirror(import_files(files, storage, tmp_path))


def test_digits_are_not_mirrored(storage: Storage, tmp_path: Path) -> None:
    files = {
        f"{label}/{n}.png": encode(image)
        for label in range(10)
        for n, image in enumerate(digit_images(label, 50))
    }
    assert not may_mirror(import_files(files, storage, tmp_path))


def test_two_rare_classes_that_are_mirror_images_suffice(storage: Storage, tmp_path: Path) -> None:
    many = drawn(("red", "blue"), blob, 200)
    assert not may_mirror(import_files(many | drawn(("one", "two"), arrow, 30), storage, tmp_path))


@pytest.mark.parametrize("classes", [("turn left", "turn right"), ("Hand_L", "hand_R"), ("links", "rechts")])
def test_classes_that_are_named_left_and_right_are_not_mirrored(
    classes: tuple[str, str], storage: Storage, tmp_path: Path
) -> None:
    assert not may_mirror(import_files(drawn(classes, blob, 6), storage, tmp_path))


def test_the_explicit_setting_wins(storage: Storage, tmp_path: Path) -> None:
    facts = import_files(drawn(("left", "right"), arrow, 10), storage, tmp_path).facts
    spec, warnings = resolve(JobSpec(dataset=facts.id, horizontal_flip=True), facts, "cpu")
    assert spec.horizontal_flip
    assert any("set horizontal_flip to false" in warning for warning in warnings)
