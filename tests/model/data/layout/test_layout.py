from pathlib import Path

import pytest

from model.errors import DatasetRejectedError
from model.storage.interface import Storage
from tests.model.imports import import_files, reasons
from tests.model.pictures import png, two_classes


def test_class_folders_without_splits_are_split_by_content(storage: Storage, tmp_path: Path) -> None:
    facts = import_files(two_classes(50), storage, tmp_path).facts
    assert facts.classes == ["cat", "dog"]
    assert [sum(pair) for pair in zip(facts.train_counts, facts.test_counts, strict=True)] == [50, 50]
    assert all(4 <= count <= 18 for count in facts.test_counts)
    assert (facts.median_width, facts.median_height) == (24, 16)
    assert facts.id == f"ds_{facts.content_hash[:24]}"
    assert facts.name == "pets"


def test_an_outer_folder_around_all_files_is_ignored(storage: Storage, tmp_path: Path) -> None:
    plain = import_files(two_classes(), storage, tmp_path)
    wrapped = import_files(
        {f"My pets/{path}": data for path, data in two_classes().items()}, storage, tmp_path
    )
    assert wrapped == plain


@pytest.mark.parametrize(
    ("folders", "train", "test"),
    [
        (("train", "test"), 5, 5),
        (("Training", "TESTING"), 5, 5),
        (("train", "val"), 5, 5),
        (("train", "test", "val"), 10, 5),
        (("set/train", "set/test"), 5, 5),
    ],
)
def test_the_splits_of_the_source_are_kept(
    folders: tuple[str, ...], train: int, test: int, storage: Storage, tmp_path: Path
) -> None:
    files = {
        f"{folder}/{label}/{number}.png": png(number + 100 * part + 1000 * (label == "dog"))
        for part, folder in enumerate(folders)
        for label in ("cat", "dog")
        for number in range(5)
    }
    facts = import_files(files, storage, tmp_path).facts
    assert facts.classes == ["cat", "dog"]
    assert facts.train_counts == [train, train]
    assert facts.test_counts == [test, test]


def test_a_training_image_that_is_also_in_the_test_split_is_skipped(storage: Storage, tmp_path: Path) -> None:
    files = {f"train/{path}": data for path, data in two_classes(5).items()}
    files |= {"test/cat/copy.png": png(0), "test/dog/new.png": png(77)}
    record = import_files(files, storage, tmp_path)
    assert record.facts.train_counts == [4, 5]
    assert record.facts.test_counts == [1, 1]
    assert reasons(record) == {"train/cat/0.png": "the same image is in the test split"}


def test_subfolders_of_a_class_folder_belong_to_the_class(storage: Storage, tmp_path: Path) -> None:
    files = {
        path.replace("/", "/more/") if "dog" in path else path: data for path, data in two_classes().items()
    }
    assert import_files(files, storage, tmp_path).facts.classes == ["cat", "dog"]


def test_images_outside_class_folders_are_skipped_by_name(storage: Storage, tmp_path: Path) -> None:
    record = import_files(two_classes() | {"stray.png": png(99)}, storage, tmp_path)
    assert reasons(record) == {"stray.png": "not in the folder of a class"}


def test_labels_csv_determines_the_classes(storage: Storage, tmp_path: Path) -> None:
    rows = [
        "Path, Label",
        *(f"images/{number}.png, {'Katze' if number % 2 else 'Hünd'}" for number in range(20)),
    ]
    files = {f"top/images/{number}.png": png(number) for number in range(21)}
    files["top/labels.csv"] = b"\xef\xbb\xbf" + "\r\n".join(rows).encode()
    record = import_files(files, storage, tmp_path)
    assert record.facts.classes == ["Hünd", "Katze"]
    assert record.images == 20
    assert reasons(record) == {"top/images/20.png": "not listed in labels.csv"}


def test_labels_csv_may_determine_the_splits(storage: Storage, tmp_path: Path) -> None:
    rows = [f"{n}.png,{'ab'[n % 2]},{('train', 'val', 'test', '')[n // 5]}" for n in range(20)]
    files = {f"{n}.png": png(n) for n in range(20)} | {
        "labels.csv": "\n".join(["path,label,split", *rows]).encode()
    }
    facts = import_files(files, storage, tmp_path).facts
    assert sum(facts.train_counts) == 15
    assert sum(facts.test_counts) == 5


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("", "must name the columns"),
        ("file,class\n0.png,a", "must name the columns"),
        ("path,label\n0.png", "Line 2 of labels.csv has 1 values"),
        ("path,label\n0.png,a\n0.png,b", "twice"),
        ("path,label,split\n0.png,a,maybe", "'maybe'"),
        ("path,label\n0.png,a/b", "cannot be the name of a class"),
        ("path,label\n0.png,", "Line 2 of labels.csv has no class"),
        ('path,label\n"0.png,a', "comma-separated"),
    ],
)
def test_the_error_for_a_wrong_labels_csv_names_the_mistake(
    table: str, words: str, storage: Storage, tmp_path: Path
) -> None:
    with pytest.raises(DatasetRejectedError, match=words):
        import_files({"0.png": png(), "labels.csv": table.encode()}, storage, tmp_path)


def test_a_labels_csv_in_another_encoding_is_refused(storage: Storage, tmp_path: Path) -> None:
    with pytest.raises(DatasetRejectedError, match="UTF-8"):
        import_files(
            {"0.png": png(), "labels.csv": "path,label\n0.png,Hünd".encode("latin-1")}, storage, tmp_path
        )
