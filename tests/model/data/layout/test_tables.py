"""Class and split by tables as people publish them."""

import unicodedata
from pathlib import Path
from typing import Literal

import pytest

from model.data.import_options import ImportOptions
from model.data.importing import import_dataset
from model.data.record import DatasetRecord
from model.errors import DatasetRejectedError
from model.storage.interface import Storage
from tests.model.imports import import_files, reasons
from tests.model.pictures import png, two_classes, write_zip

NUMBERS = range(24)


def _label(number: int) -> str:
    return "oak" if number % 2 else "elm"


def _table(header: str, row: str, numbers: range = NUMBERS) -> bytes:
    """Return a table; `row` is formatted with `n` and `label`."""
    rows = [row.format(n=number, label=_label(number)) for number in numbers]
    return "\n".join([header, *rows] if header else rows).encode()


def _images(pattern: str, numbers: range = NUMBERS) -> dict[str, bytes]:
    return {pattern.format(n=number): png(number) for number in numbers}


PLAIN = _images("{n}.png") | {"labels.csv": _table("path,label", "{n}.png,{label}")}


@pytest.mark.parametrize(
    "files",
    [
        _images("images/{n}.png") | {"leaf_labels.csv": _table("id,breed", "{n},{label}")},
        _images("set/train/{n}.png") | {"set/labels.csv": _table("id,breed", "{n},{label}")},
        _images("Img/{n}.png") | {"english.csv": _table("image,label", "Img/{n}.png,{label}")},
        _images("{n}.png") | {"train.csv": _table("filename;class", "{n}.png;{label}")},
        _images("a/b/{n}.png") | {"a/all.tsv": _table("image_id\tspecies\tx1\tx2", "{n}\t{label}\t0.{n}\t7")},
        _images("leaves/{n}.png") | {"l.csv": _table("file,label", "C:\\Users\\Al\\leaves\\{n}.png,{label}")},
        _images("{n}.png") | {"l.csv": _table(",image,kind", "{n},{n}.png,{label}")},
        _images("{n}.png") | {"l.csv": _table("id,level,breed", "{n},7,{label}")},
        _images("leaves/{n}.PNG") | {"l.csv": _table("file,kind", "{n}.png,{label}")},
        _images("{n}.png") | {"list.csv": _table("", "{n}.png,{label}")},
        _images("{n}.png") | {"l.csv": _table("x,y", "{n}.png,{label}").decode().encode("utf-16")},
        _images("images/{n}.png")
        | {
            "train.csv": _table("image,label", "images/{n}.png,{label}"),
            "test.csv": _table("image", "images/{n}.png", range(100, 120)),
            "sample_submission.csv": _table("image,label", "images/{n}.png,elm", range(100, 120)),
        },
        _images("images/{n}.png")
        | {
            "hot.csv": "\n".join(
                ["id,elm,oak", *(f"{n},{int(_label(n) == 'elm')},{int(_label(n) == 'oak')}" for n in NUMBERS)]
            ).encode()
        },
    ],
)
def test_tables_that_people_publish_give_the_classes(
    files: dict[str, bytes], storage: Storage, tmp_path: Path
) -> None:
    expected = import_files(PLAIN, storage, tmp_path)
    record = import_files(files, storage, tmp_path / "x")
    assert record.facts.id == expected.facts.id


def test_a_table_beside_train_and_test_gives_classes_and_the_folders_give_splits(
    storage: Storage, tmp_path: Path
) -> None:
    files = _images("train/{n}.png", range(16)) | _images("test/{n}.png", range(16, 24))
    record = import_files(files | {"l.csv": _table("id,breed", "{n},{label}")}, storage, tmp_path)
    assert record.facts.classes == ["elm", "oak"]
    assert record.facts.test_counts == [4, 4]


def test_images_that_no_row_lists_are_told(storage: Storage, tmp_path: Path) -> None:
    files = _images("train/{n}.png") | _images("test/{n}.png", range(100, 140))
    record = import_files(files | {"labels.csv": _table("id,breed", "{n},{label}")}, storage, tmp_path)
    assert record.images == 24
    assert any("40 images not listed in labels.csv" in warning for warning in record.warnings)


def test_tables_of_splits_are_read_together(storage: Storage, tmp_path: Path) -> None:
    files = _images("img/{n}.png") | {
        "train.csv": _table("file,label", "{n}.png,{label}", range(16)),
        "val.csv": _table("file,label", "{n}.png,{label}", range(16, 24)),
    }
    facts = import_files(files, storage, tmp_path).facts
    assert (sum(facts.train_counts), sum(facts.test_counts)) == (16, 8)


@pytest.mark.parametrize("name", ["_annotations.csv", "labels.csv"])
def test_tables_in_the_folders_of_splits_are_read_together(
    name: str, storage: Storage, tmp_path: Path
) -> None:
    files = _images("train/{n}.png", range(16)) | _images("valid/{n}.png", range(16, 24))
    files[f"train/{name}"] = _table("filename,class", "{n}.png,{label}", range(16))
    files[f"valid/{name}"] = _table("filename,class", "{n}.png,{label}", range(16, 24))
    facts = import_files(files, storage, tmp_path).facts
    assert facts.classes == ["elm", "oak"]
    assert (sum(facts.train_counts), sum(facts.test_counts)) == (16, 8)


def test_numbered_parts_are_no_classes_where_a_table_has_the_classes(
    storage: Storage, tmp_path: Path
) -> None:
    files = _images("set_images_part_1/{n}.png", range(12)) | _images(
        "set_images_part_2/{n}.png", range(12, 24)
    )
    table = "\n".join(["image_id,dx,sex", *(f"{n},{_label(n)},{n % 3}" for n in NUMBERS)]).encode()
    assert import_files(files | {"meta.csv": table}, storage, tmp_path).facts.classes == ["elm", "oak"]


def test_columns_alone_may_be_named(storage: Storage, tmp_path: Path) -> None:
    files = _images("train/{n}.png", range(16)) | _images("val/{n}.png", range(16, 24))
    for split, numbers in (("train", range(16)), ("val", range(16, 24))):
        files[f"label_{split}.csv"] = _table("file,age,wood", split + "/{n}.png,{n},{label}", numbers)
    with pytest.raises(DatasetRejectedError, match="not certain"):
        import_files(files, storage, tmp_path)
    facts = _import(files, storage, tmp_path, ImportOptions(label_column="wood")).facts
    assert facts.classes == ["elm", "oak"]
    assert (sum(facts.train_counts), sum(facts.test_counts)) == (16, 8)


@pytest.mark.parametrize(("of_name", "of_table"), [("NFD", "NFC"), ("NFC", "NFD")])
def test_accents_are_compared_in_one_form(
    of_name: Literal["NFC", "NFD"], of_table: Literal["NFC", "NFD"], storage: Storage, tmp_path: Path
) -> None:
    files = {unicodedata.normalize(of_name, f"Café/{n}.png"): png(n) for n in NUMBERS}
    table = _table("path,label", "Café/{n}.png,{label}").decode()
    files["labels.csv"] = unicodedata.normalize(of_table, table).encode()
    assert import_files(files, storage, tmp_path).images == 24


def test_rows_without_a_file_are_counted_and_named(storage: Storage, tmp_path: Path) -> None:
    table = _table("path,label", "{n}.png,{label}", range(40)) + b"\nbroken.png,oak"
    files = _images("{n}.png") | {"broken.png": b"no", "labels.csv": table}
    (warning,) = import_files(files, storage, tmp_path).warnings
    assert "16 of 41 rows in labels.csv without an image in this upload: 24.png, 25.png, 26.png" in warning


def test_a_table_without_certain_classes_is_refused_with_what_to_say(
    storage: Storage, tmp_path: Path
) -> None:
    rows = [f"{n},{n % 40 + 20},{'fm'[n % 2]},{['left', 'right'][n % 3 == 0]},hand{n}.png" for n in NUMBERS]
    table = "\n".join(["id,age,gender,side,imageName", *rows]).encode()
    path = write_zip(tmp_path / "hands.zip", _images("Hands/hand{n}.png") | {"HandInfo.csv": table})
    with pytest.raises(DatasetRejectedError, match=r"imageName.*gender \(2 values\).*--label-column"):
        import_dataset(path, storage, "hands")
    options = ImportOptions(labels="HandInfo.csv", label_column="Side")
    assert import_dataset(path, storage, "hands", options=options).facts.classes == ["left", "right"]
    for wrong in ({"label_column": "finger"}, {"labels": "other.csv"}, {"path_column": "age"}):
        with pytest.raises(DatasetRejectedError, match="HandInfo"):
            import_dataset(path, storage, "hands", options=ImportOptions.model_validate(wrong))


def test_folders_of_splits_with_images_and_no_table_are_refused(storage: Storage, tmp_path: Path) -> None:
    files = _images("train/{n}.png") | _images("test/{n}.png", range(50, 60))
    with pytest.raises(DatasetRejectedError, match=r"test \(10 images\), train \(24 images\).*--labels FILE"):
        import_files(files, storage, tmp_path)


def test_a_table_that_disagrees_with_the_folders_is_told(storage: Storage, tmp_path: Path) -> None:
    files = {f"{'ab'[n // 12]}/{n}.png": png(n) for n in NUMBERS}
    record = import_files(files | {"meta.csv": _table("id,species", "{n},{label}")}, storage, tmp_path)
    assert record.facts.classes == ["a", "b"]
    assert "meta.csv lists 24 of the images with other classes" in record.warnings[0]
    agreeing = {f"{_label(n)}/{n}.png": png(n) for n in NUMBERS}
    record = import_files(agreeing | {"meta.csv": _table("id,species", "{n},{label}")}, storage, tmp_path)
    assert record.warnings == []


def test_a_labels_csv_of_something_else_does_not_hide_the_folders(storage: Storage, tmp_path: Path) -> None:
    record = import_files(two_classes() | {"labels.csv": b"number,name\n0,cat\n1,dog"}, storage, tmp_path)
    assert record.facts.classes == ["cat", "dog"]
    assert "labels.csv was not used" in record.warnings[0]


def test_splits_of_folders_do_not_change_a_plain_labels_csv(storage: Storage, tmp_path: Path) -> None:
    expected = import_files(PLAIN, storage, tmp_path)
    files = _images("train/{n}.png", range(16)) | _images("test/{n}.png", range(16, 24))
    rows = [f"{'train' if n < 16 else 'test'}/{n}.png,{_label(n)}" for n in NUMBERS]
    record = import_files(
        files | {"labels.csv": "\n".join(["path,label", *rows]).encode()}, storage, tmp_path / "x"
    )
    assert record.facts.id == expected.facts.id
    assert "column split" in record.warnings[0]


def _import(
    files: dict[str, bytes], storage: Storage, tmp_path: Path, options: ImportOptions
) -> DatasetRecord:
    return import_dataset(write_zip(tmp_path / "upload.zip", files), storage, "pets", options=options)


def test_all_small_classes_are_named_and_can_be_left_out(storage: Storage, tmp_path: Path) -> None:
    rare = {f"rare{n}/0.png": png(5000 + n) for n in range(6)}
    with pytest.raises(DatasetRejectedError, match=r"6 classes.*'rare0' \(1\).*'rare5' \(1\).*min_images"):
        import_files(two_classes() | rare, storage, tmp_path)
    record = _import(two_classes() | rare, storage, tmp_path, ImportOptions(min_images=2))
    assert record.facts.id == import_files(two_classes(), storage, tmp_path / "x").facts.id
    assert "rare0 (1), rare1 (1)" in record.warnings[0]
    assert len(reasons(record)) == 6


def test_a_class_without_usable_images_is_named(storage: Storage, tmp_path: Path) -> None:
    heic = b"\0\0\0\x18ftypheic" + bytes(100)
    files = two_classes() | {f"bird/{n}.heic": heic for n in range(3)} | {"cow/": b""}
    record = import_files(files, storage, tmp_path)
    (warning,) = record.warnings
    assert warning.startswith(
        "2 classes have no usable image and will not be learned: bird (HEIC files are not"
    )
    assert warning.endswith("), cow.")


def test_a_row_without_a_class_is_named_by_its_line(storage: Storage, tmp_path: Path) -> None:
    rows = [f"{n}.png,{_label(n) if n > 3 else ''}" for n in NUMBERS]
    files = _images("{n}.png") | {"labels.csv": "\n".join(["path,label", "", *rows]).encode()}
    with pytest.raises(DatasetRejectedError, match=r"Line 3 of labels.csv has no class .*4 rows"):
        import_files(files, storage, tmp_path)
    wrong = _images("{n}.png") | {"labels.csv": _table("path,label", "{n}.png,{label}/{label}")}
    with pytest.raises(DatasetRejectedError, match=r"Line 2 of labels.csv: 'elm/elm' cannot be the name"):
        import_files(wrong, storage, tmp_path / "x")


@pytest.mark.parametrize(("name", "is_told"), [("NaN", True), ("None", True), ("none", False)])
def test_labels_that_stand_for_a_missing_value_are_told(
    name: str, is_told: bool, storage: Storage, tmp_path: Path
) -> None:
    rows = [f"{n}.png,{_label(n) if n > 7 else name}" for n in NUMBERS]
    files = _images("{n}.png") | {"labels.csv": "\n".join(["path,label", *rows]).encode()}
    record = import_files(files, storage, tmp_path)
    assert name in record.facts.classes
    told = f"8 rows of labels.csv with the class {name}, which programs write for a missing value"
    assert [warning for warning in record.warnings if told in warning] == record.warnings
    assert bool(record.warnings) == is_told


def test_a_class_with_two_spellings_is_told(storage: Storage, tmp_path: Path) -> None:
    rows = [f"{n}.png,{_label(n).upper() if n > 11 else _label(n)}" for n in NUMBERS]
    files = _images("{n}.png") | {"labels.csv": "\n".join(["path,label", *rows]).encode()}
    assert "'ELM' = 'elm', 'OAK' = 'oak'" in import_files(files, storage, tmp_path).warnings[0]


def _signs(test_label: str) -> dict[str, bytes]:
    """Return traffic signs as published: folders of classes for training, a table for the test images."""
    files = {f"Train/{n % 2:05d}/{n}.png": png(n) for n in NUMBERS}
    files |= {f"Test/{n}.png": png(1000 + n) for n in range(8)}
    head = "Width,Roi.X1,ClassId,Path"
    files["Train.csv"] = "\n".join(
        [head, *(f"32,5,{n % 2},Train/{n % 2:05d}/{n}.png" for n in NUMBERS)]
    ).encode()
    rows = (f"32,5,{test_label.format(n % 2)},Test/{n}.png" for n in range(8))
    return files | {"Test.csv": "\n".join([head, *rows]).encode()}


def test_test_images_of_a_table_beside_class_folders_are_used(storage: Storage, tmp_path: Path) -> None:
    record = import_files(_signs("{}"), storage, tmp_path)
    assert record.facts.classes == ["00000", "00001"]
    assert (record.facts.train_counts, record.facts.test_counts) == ([12, 12], [4, 4])
    assert record.warnings == ["The classes of 8 images for test come from Test.csv, column ClassId."]


def test_test_images_of_a_table_with_other_classes_are_told(storage: Storage, tmp_path: Path) -> None:
    record = import_files(_signs("sign{}"), storage, tmp_path)
    assert sum(record.facts.train_counts + record.facts.test_counts) == 24
    assert (
        "8 images in no folder of a class, left out, have classes in Test.csv, column ClassId"
        in record.warnings[1]
    )


def test_an_example_of_a_submission_gives_no_classes(storage: Storage, tmp_path: Path) -> None:
    files = _signs("{}")
    files["test/sample_submission.csv"] = files.pop("Test.csv")
    record = import_files(files, storage, tmp_path)
    assert sum(record.facts.train_counts + record.facts.test_counts) == 24
    assert len(record.warnings) == 1
