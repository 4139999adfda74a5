"""Sets that were made for other programs: what is read of them, and what is said of those that have no classes."""

import json
from pathlib import Path

import pytest

from model.errors import DatasetRejectedError
from model.storage.interface import Storage
from tests.model.imports import import_files, reasons
from tests.model.pictures import png, two_classes

COCO = json.dumps({"images": [], "annotations": [], "categories": []}).encode()
VOC = b"<annotation><object><name>cat</name></object></annotation>"
YOLO = b"0 0.5 0.5 0.25 0.25\n"


def photos(folder: str, count: int = 4, first: int = 0) -> dict[str, bytes]:
    return {f"{folder}/{number}.png": png(first + number) for number in range(count)}


def rejection(files: dict[str, bytes], storage: Storage, tmp_path: Path) -> str:
    with pytest.raises(DatasetRejectedError) as refused:
        import_files(files, storage, tmp_path)
    return str(refused.value)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (
            {"train/_annotations.coco.json": COCO, **photos("train"), **photos("test", first=9)},
            "object detection, with boxes in the format COCO (train/_annotations.coco.json)",
        ),
        (
            {**photos("train/images"), **{f"train/labels/{number}.txt": YOLO for number in range(4)}},
            "object detection, with boxes in the format YOLO (train/labels/0.txt)",
        ),
        (
            {**photos("JPEGImages"), **{f"Annotations/{number}.xml": VOC for number in range(4)}},
            "object detection, with boxes in the format Pascal VOC",
        ),
        (
            {**photos("images"), "annotations/labels.json": b'{"0.png": "cat"}'},
            "annotations/labels.json may list the classes",
        ),
        ({**photos("photos"), "photos/classes.xlsx": b"PK\3\4"}, "photos/classes.xlsx may list the classes"),
        (
            {
                f"images/{name}_{number}.png": png(number)
                for name in ("pug", "Maine_Coon")
                for number in (1, 2)
            },
            "begin with 2 different words (Maine_Coon, pug)",
        ),
        ({"data/train-00000-of-00001.parquet": b"PAR1"}, "a table of images, which is not read"),
        ({"train.tfrecord-00000-of-00002": b"x"}, "a file of records, which is not read"),
        ({"train-images-idx3-ubyte.gz": b"x", "a.npy": b"x"}, "an array of images"),
        ({f"cat/IM{number}": bytes(128) + b"DICM" + bytes(9) for number in (1, 2)}, "DICOM files are not"),
        (
            {"a/1.ppm": b"P6\n1 1\n255\nabc", "b/1.ppm": b"P6\n1 1\n255\nabc"},
            "2 of 2 files, such as a/1.ppm: PPM",
        ),
        ({"README.md": b"x", "a.csv": b"label,1x1\n5,0\n"}, "the upload holds no image among 1 file"),
        ({"cat/1.png": png(1), "cat/2.png": png(2)}, "1 found, 'cat'"),
    ],
)
def test_a_set_without_classes_is_named_with_what_to_do(
    files: dict[str, bytes], said: str, storage: Storage, tmp_path: Path
) -> None:
    assert said in rejection(files, storage, tmp_path)


def test_splits_inside_all_class_folders_are_splits(storage: Storage, tmp_path: Path) -> None:
    files = {
        **photos("corn/train"),
        **photos("corn/test", 2, 10),
        **photos("rye/train", 4, 20),
        **photos("rye/val", 1, 30),
    }
    record = import_files(files, storage, tmp_path)
    assert (record.facts.classes, record.facts.train_counts, record.facts.test_counts) == (
        ["corn", "rye"],
        [4, 5],
        [2, 0],
    )
    assert not record.warnings
    files["rye/other/1.png"] = png(40)
    assert "count as part of the class" in str(import_files(files, storage, tmp_path).warnings)


def test_a_folder_images_in_a_test_split_is_no_class(storage: Storage, tmp_path: Path) -> None:
    files = {f"train/{path}": data for path, data in two_classes().items()} | photos("val/images", 3, 50)
    record = import_files(files, storage, tmp_path)
    assert record.facts.classes == ["cat", "dog"]
    assert reasons(record)["val/images/0.png"] == "not in the folder of a class"
    assert "val (3 images)" in str(record.warnings)


def table(rows: list[str]) -> bytes:
    return "\n".join(rows).encode()


@pytest.mark.parametrize(
    ("rows", "train", "test"),
    [
        (["file,kind", *(f"{number}.jpeg,{'ab'[number % 2]}" for number in range(12))], None, None),
        (
            [
                "url,kind",
                *(f"https://host/x/{number}.png?width=9,{'ab'[number % 2]}" for number in range(12)),
            ],
            None,
            None,
        ),
        (
            [
                f"{'TEST' if number > 7 else 'TRAIN'},gs://bucket/images/{number}.png,{'ab'[number % 2]}"
                for number in range(12)
            ],
            8,
            4,
        ),
    ],
)
def test_tables_of_other_programs_are_read(
    rows: list[str], train: int | None, test: int | None, storage: Storage, tmp_path: Path
) -> None:
    facts = import_files({**photos("images", 12), "labels.csv": table(rows)}, storage, tmp_path).facts
    assert facts.classes == ["a", "b"]
    if train is not None:
        assert (sum(facts.train_counts), sum(facts.test_counts)) == (train, test)


def test_a_line_separator_in_a_value_does_not_end_the_row(storage: Storage, tmp_path: Path) -> None:
    rows = [
        "path,label,note",
        *(f"images/{number}.png,{'ab'[number % 2]},x\u2028y\x85z" for number in range(12)),
    ]
    record = import_files({**photos("images", 12), "labels.csv": table(rows)}, storage, tmp_path)
    assert record.facts.classes == ["a", "b"]


def test_what_a_table_lacks_is_said(storage: Storage, tmp_path: Path) -> None:
    images = photos("images", 12)
    several = ["image,cat,dog", *(f"{number}.png,1,{number % 2}" for number in range(12))]
    said = rejection({**images, "labels.csv": table(several)}, storage, tmp_path)
    assert "6 of 12 rows of labels.csv have a 1 in none or several of the columns cat, dog" in said
    blank = ["image,label", *(f"{number}.png,{'' if number < 3 else number % 2}" for number in range(12))]
    said = rejection({**images, "labels.csv": table(blank)}, storage, tmp_path)
    assert "Line 2 of labels.csv has no class in column label (3 rows without)" in said


def test_boxes_in_a_table_are_told(storage: Storage, tmp_path: Path) -> None:
    rows = ["filename,class,xmin,ymin", *(f"{number}.png,{'ab'[number % 2]},1,1" for number in range(12))]
    record = import_files({**photos("images", 12), "labels.csv": table(rows)}, storage, tmp_path)
    assert "labels.csv lists boxes" in str(record.warnings)
