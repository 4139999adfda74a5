from pathlib import Path

from model.data.record import dataset_key
from model.data.report.conflicts import NAMED
from model.data.report.index_file import INDEX_FILE
from model.data.report.reading import open_index
from model.storage.interface import Storage
from tests.model.imports import import_files
from tests.model.photos import TWINS, photo
from tests.model.pictures import encode, png, two_classes
from tests.stored import stored_path


def same_in_both(images: int) -> dict[str, bytes]:
    return {f"{label}/same{n}.png": png(9000 + n) for label in ("cat", "dog") for n in range(images)}


def test_images_that_lie_in_two_classes_are_named(storage: Storage, tmp_path: Path) -> None:
    record = import_files(two_classes() | same_in_both(6), storage, tmp_path)
    [warning] = record.warnings
    assert warning.startswith("12 images show the same as an image of another class, in 6 groups: ")
    assert all(f"cat/same{n}.png = dog/same{n}.png" in warning for n in range(6))


def test_an_image_in_two_classes_and_two_splits_is_named(storage: Storage, tmp_path: Path) -> None:
    files = {f"train/{path}": data for path, data in two_classes().items()}
    files["test/cat/0.png"] = files["train/dog/0.png"]
    [warning] = import_files(files, storage, tmp_path).warnings
    assert "1 image shows the same as an image of another class, in 1 group" in warning
    assert "test/cat/0.png = train/dog/0.png" in warning


def test_all_conflicts_are_counted_but_only_the_first_are_named(storage: Storage, tmp_path: Path) -> None:
    [warning] = import_files(two_classes() | same_in_both(NAMED + 3), storage, tmp_path).warnings
    assert warning.startswith(f"{2 * (NAMED + 3)} images show")
    assert warning.count(" = ") == NAMED
    assert "and 3 more groups" in warning


def test_the_warning_counts_as_the_report_does(storage: Storage, tmp_path: Path) -> None:
    near = {"cat/photo.png": encode(photo(1)), "dog/half.png": encode(TWINS["half"](photo(1)))}
    record = import_files(two_classes() | same_in_both(2) | near, storage, tmp_path)
    with open_index(stored_path(storage, dataset_key(record.facts.id, INDEX_FILE))) as index:
        finding = index.report().findings[0]
    assert (finding.code, finding.count) == ("label_conflicts", 6)
    assert record.warnings[0].startswith(f"{finding.title}: ")
    assert "cat/photo.png = dog/half.png" in record.warnings[0]


def test_copies_within_a_class_are_no_conflict(storage: Storage, tmp_path: Path) -> None:
    files = two_classes() | {"cat/copy.png": png(0)}
    assert import_files(files, storage, tmp_path).warnings == []
