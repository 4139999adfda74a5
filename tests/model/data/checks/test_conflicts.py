from pathlib import Path

from model.data.checks.conflicts import NAMED
from model.storage.interface import Storage
from tests.model.imports import import_files
from tests.model.pictures import png, two_classes


def same_in_both(images: int) -> dict[str, bytes]:
    return {f"{label}/same{n}.png": png(9000 + n) for label in ("cat", "dog") for n in range(images)}


def test_images_that_lie_in_two_classes_are_named(storage: Storage, tmp_path: Path) -> None:
    record = import_files(two_classes() | same_in_both(6), storage, tmp_path)
    [warning] = record.warnings
    assert warning.startswith("6 images are in more than one class: ")
    assert all(f"cat/same{n}.png = dog/same{n}.png" in warning for n in range(6))


def test_an_image_in_two_classes_and_two_splits_is_named(storage: Storage, tmp_path: Path) -> None:
    files = {f"train/{path}": data for path, data in two_classes().items()}
    files["test/cat/0.png"] = files["train/dog/0.png"]
    [warning] = import_files(files, storage, tmp_path).warnings
    assert "1 image is in more than one class" in warning
    assert "test/cat/0.png = train/dog/0.png" in warning


def test_all_conflicts_are_counted_but_only_the_first_are_named(storage: Storage, tmp_path: Path) -> None:
    [warning] = import_files(two_classes() | same_in_both(NAMED + 3), storage, tmp_path).warnings
    assert warning.startswith(f"{NAMED + 3} images are")
    assert warning.count(" = ") == NAMED
    assert "and 3 more" in warning


def test_copies_within_a_class_are_no_conflict(storage: Storage, tmp_path: Path) -> None:
    files = two_classes() | {"cat/copy.png": png(0)}
    assert import_files(files, storage, tmp_path).warnings == []
