"""Each finding: a dataset in which its fault is planted has the finding, and a dataset without faults has none."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from PIL import Image

from model.data.record import dataset_key
from model.data.report.codes import FindingCode
from model.data.report.index_file import INDEX_FILE
from model.data.report.reading import ImageFilter, open_index
from model.data.report.schema import Finding
from model.storage.interface import Storage
from tests.model.imports import import_files
from tests.model.photos import TWINS, photo
from tests.model.pictures import encode, noise, png, two_classes
from tests.stored import stored_path

Files = dict[str, bytes]

TRAIN = two_classes(20)
"""As many training images of each class as are not few."""


def of_class(label: str, images: int, first_seed: int = 5000) -> Files:
    return {f"{label}/{number}.png": png(first_seed + number) for number in range(images)}


def with_test_images(train: Files, test: Files | None = None) -> Files:
    """Return the training images, with those of a clean test split and further test images."""
    clean = {f"{label}/{seed}.png": png(seed) for label, seed in (("cat", 8000), ("dog", 8001))}
    tests = {f"test/{path}": data for path, data in (clean | (test or {})).items()}
    return {f"train/{path}": data for path, data in train.items()} | tests


def as_jpeg(files: Files, label: str) -> Files:
    return {
        path: encode(noise(number), "JPEG") if path.startswith(label) else data
        for number, (path, data) in enumerate(files.items())
    }


def planted(train: Files) -> Files:
    return with_test_images(TRAIN | train)


PHOTO = encode(photo(1))
HALF = encode(TWINS["half"](photo(1)))


@dataclass(frozen=True)
class Planted:
    """A dataset with faults, and what its report must say."""

    files: Files
    paths: set[str] = field(default_factory=set)
    """The images of the finding."""
    classes: set[str] = field(default_factory=set)
    also: set[FindingCode] = field(default_factory=set)
    """Other findings that the same fault causes."""


PLANTED: dict[FindingCode, Planted] = {
    FindingCode.SPLIT_CLASSES: Planted(planted(of_class("test", 20)), classes={"test"}),
    FindingCode.EMPTY_CLASSES: Planted(
        planted({"bird/1.png": b"no image"}), classes={"bird"}, also={FindingCode.SKIPPED_FILES}
    ),
    FindingCode.LABEL_CONFLICTS: Planted(
        planted({"cat/photo.png": PHOTO, "dog/half.png": HALF}),
        {"train/cat/photo.png", "train/dog/half.png"},
    ),
    FindingCode.SPLIT_LEAKS: Planted(
        with_test_images(TRAIN | {"cat/half.png": HALF}, {"cat/photo.png": PHOTO}),
        {"test/cat/photo.png"},
        also={FindingCode.SKIPPED_FILES},
    ),
    FindingCode.SIMILAR_NAMES: Planted(planted(of_class("Cat", 20)), classes={"cat", "Cat"}),
    FindingCode.FEW_IMAGES: Planted(planted(of_class("bird", 12)), classes={"bird"}),
    FindingCode.IMBALANCE: Planted(planted(of_class("bird", 61)), classes={"cat", "dog"}),
    FindingCode.MIXED_FORMATS: Planted(with_test_images(as_jpeg(TRAIN, "dog")), classes={"cat", "dog"}),
    FindingCode.BLANK_IMAGES: Planted(
        planted({"cat/night.png": encode(Image.new("RGB", (24, 16)))}), {"train/cat/night.png"}
    ),
    FindingCode.NEAR_DUPLICATES: Planted(
        planted({"cat/photo.png": PHOTO, "cat/half.png": HALF}),
        {"train/cat/photo.png", "train/cat/half.png"},
    ),
    FindingCode.TINY_IMAGES: Planted(planted({"cat/icon.png": png(77, 15, 24)}), {"train/cat/icon.png"}),
    FindingCode.SKIPPED_FILES: Planted(planted({"cat/notes.pdf": b"%PDF"})),
}


def findings_of(
    files: Files, storage: Storage, tmp_path: Path
) -> dict[FindingCode, tuple[Finding, set[str]]]:
    """Return each finding with the paths of all its images."""
    record = import_files(files, storage, tmp_path)
    with open_index(stored_path(storage, dataset_key(record.facts.id, INDEX_FILE))) as index:
        return {
            FindingCode(one.code): (
                one,
                {image.path for image in index.page(ImageFilter(finding=one.code), "", 1000)},
            )
            for one in index.report().findings
        }


def test_a_dataset_without_faults_has_no_finding(storage: Storage, tmp_path: Path) -> None:
    assert findings_of(with_test_images(TRAIN), storage, tmp_path) == {}


@pytest.mark.parametrize("code", PLANTED)
def test_a_planted_fault_is_found(code: FindingCode, storage: Storage, tmp_path: Path) -> None:
    expected = PLANTED[code]
    found = findings_of(expected.files, storage, tmp_path)
    assert found.keys() == {code, *expected.also}
    finding, paths = found[code]
    assert paths == expected.paths or not expected.paths
    assert set(finding.classes) == expected.classes
    assert finding.title
    assert finding.advice


def test_the_same_image_in_both_splits_is_a_leak_and_in_another_class_a_conflict(
    storage: Storage, tmp_path: Path
) -> None:
    files = with_test_images(TRAIN | {"dog/photo.png": PHOTO}, {"cat/photo.png": PHOTO})
    found = findings_of(files, storage, tmp_path)
    for code in (FindingCode.SPLIT_LEAKS, FindingCode.LABEL_CONFLICTS):
        assert (found[code][0].count, found[code][1]) == (1, {"test/cat/photo.png"})


def test_every_finding_of_an_import_has_a_planted_fault() -> None:
    assert {*PLANTED, FindingCode.LABEL_ERRORS} == set(FindingCode)


def test_small_images_among_small_ones_are_not_tiny(storage: Storage, tmp_path: Path) -> None:
    files = {
        f"{label}/{number}.png": png(number + 50 * (label == "b"), 8, 8)
        for label in "ab"
        for number in range(9)
    }
    assert FindingCode.TINY_IMAGES not in findings_of(files, storage, tmp_path)
