"""Class and split by folders alone; no image is opened."""

import pytest

from model.data.layout.folders import FolderLayout, read_folders


def _paths(*folders: str, images: int = 6) -> list[str]:
    return [f"{folder}/{number}.jpg" for folder in folders for number in range(images)]


def _found(folders: FolderLayout) -> dict[str, set[str]]:
    """Return the classes of each split; `""` stands for no split."""
    layout, found = folders.layout, dict[str, set[str]]()
    for path, label in layout.labels.items():
        found.setdefault(layout.splits.get(path, ""), set()).add(label)
    return found


@pytest.mark.parametrize(
    ("folders", "splits"),
    [
        (("training_set", "test_set"), "train test"),
        (("Train", "TEST"), "train test"),
        (("Train Data", "Testing Data"), "train test"),
        (("train", "validation"), "train val"),
        (("train", "dev"), "train val"),
        (("TrainSet", "TestSet"), "train test"),
        (("trainset", "testset"), "train test"),
        (("train_images", "val_images", "test_images"), "train val test"),
        (("seg_train/seg_train", "seg_test/seg_test"), "train test"),
        (("asl_alphabet_train", "asl_alphabet_test"), "train test"),
        (("images/train", "images/val"), "train val"),
        (("archive/data/train", "archive/data/valid"), "train val"),
        (("train/images", "test/images"), "train test"),
    ],
)
def test_folders_of_splits_are_recognised_by_their_names(folders: tuple[str, ...], splits: str) -> None:
    read = read_folders(_paths(*(f"{folder}/{label}" for folder in folders for label in ("cat", "dog"))))
    assert read.doubt is None
    assert read.layout.warnings == []
    assert _found(read) == {split: {"cat", "dog"} for split in splits.split()}


@pytest.mark.parametrize(
    ("folders", "classes"),
    [
        (("train", "bus", "car"), {"train", "bus", "car"}),
        (("valid", "invalid", "unknown"), {"valid", "invalid", "unknown"}),
        (("mask", "no mask"), {"mask", "no mask"}),
        (("0", "1", "2"), {"0", "1", "2"}),
        (("test tube", "train station"), {"test tube", "train station"}),
        (("photos/cat", "photos/dog"), {"cat", "dog"}),
    ],
)
def test_classes_with_names_like_splits_stay_classes(folders: tuple[str, ...], classes: set[str]) -> None:
    read = read_folders(_paths(*folders))
    assert read.doubt is None
    assert _found(read) == {"": classes}


@pytest.mark.parametrize("stray", ["cover.jpg", "photos/cover.jpg", "photos/set/cover.jpg"])
def test_a_picture_beside_the_class_folders_is_no_reason_to_miss_them(stray: str) -> None:
    read = read_folders([*_paths("photos/set/cat", "photos/set/dog"), stray])
    assert _found(read) == {"": {"cat", "dog"}}
    assert set(read.layout.unplaced) == {stray}


def test_pictures_of_the_documentation_are_no_class() -> None:
    read = read_folders(_paths("repo/dataset/cat", "repo/dataset/dog", "repo/docs", "repo/sample_images"))
    assert _found(read) == {"": {"cat", "dog"}}
    (warning,) = read.layout.warnings
    assert "repo/docs (6 images), repo/sample_images (6 images)" in warning


def test_folders_beside_train_and_test_are_told() -> None:
    read = read_folders(_paths("seg_train/cat", "seg_train/dog", "seg_test/cat", "seg_pred"))
    assert _found(read) == {"train": {"cat", "dog"}, "test": {"cat"}}
    assert "seg_pred (6 images)" in read.layout.warnings[0]


@pytest.mark.parametrize(
    "folders", [("train", "test"), ("training_set", "test_set"), ("data/Train", "data/Test", "data/Val")]
)
def test_folders_of_splits_that_hold_images_are_no_classes(folders: tuple[str, ...]) -> None:
    read = read_folders(_paths(*folders))
    assert read.is_impossible
    assert read.doubt
    assert folders[0].rpartition("/")[2] in read.doubt


@pytest.mark.parametrize("folders", [("images", "masks"), ("part_1", "part_2"), ("train", "pictures")])
def test_folders_with_names_of_parts_are_doubted(folders: tuple[str, ...]) -> None:
    assert read_folders(_paths(*folders)).doubt is not None


def test_test_images_without_classes_are_left_out() -> None:
    read = read_folders(_paths("a_train/a_train/A", "a_train/a_train/B", "a_test/a_test"))
    assert _found(read) == {"train": {"A", "B"}}
    assert "a_test (6 images)" in read.layout.warnings[0]


def test_photos_beside_their_masks_are_no_classes() -> None:
    assert read_folders(_paths("images", "annotations/trimaps")).is_impossible


def test_rock_and_paper_stay_classes() -> None:
    assert _found(read_folders(_paths("rock/day1", "rock/day2", "paper"))) == {"": {"rock", "paper"}}


@pytest.mark.parametrize(
    ("folders", "told"),
    [
        (
            ("Fruit/Apple/Golden", "Fruit/Apple/Royal", "Fruit/Pear/Anjou", "Packages/Milk/Arla"),
            [
                "Fruit holds Apple, Pear; Packages holds Arla",
                "class_folder=inner",
                "Anjou, Arla, Golden, Royal",
            ],
        ),
        (("anna/0", "anna/1", "bob/0", "bob/1"), ["anna holds 0, 1; bob holds 0, 1", "class_folder=inner"]),
        (
            ("anna/Sample001", "anna/Sample002", "bob/Sample001", "bob/Sample002"),
            ["anna holds Sample001", "then Sample001, Sample002"],
        ),
        (("farm1/class1", "farm1/class2", "farm2/class1", "farm2/class2"), ["farm1 holds class1, class2"]),
        (("a/a/cat", "a/a/dog", "b/b/cat", "b/b/dog"), ["a holds cat, dog; b holds cat, dog"]),
        (
            (
                "data/data/train/bad",
                "data/data/train/good",
                "data/data/test/bad",
                "small/small/bad",
                "small/small/good",
            ),
            ["data holds bad, good; small holds bad, good", "add one of the class folders alone"],
        ),
        (
            ("small/train/cat", "large/train/cat", "large/train/dog", "large/test/cat"),
            ["large holds cat, dog; small holds cat", "train and test are kept"],
        ),
    ],
)
def test_folders_inside_classes_are_told(folders: tuple[str, ...], told: list[str]) -> None:
    read = read_folders(_paths(*folders))
    assert _found(read) == {"": {folder.partition("/")[0] for folder in folders}}
    (warning,) = read.layout.warnings
    assert all(clause in warning for clause in told), warning


def test_the_innermost_folders_may_be_the_classes() -> None:
    images = _paths("repo/train/Fruit/Apple/Golden", "repo/train/Fruit/Kiwi", "repo/val/Fruit/Kiwi/images")
    others = ["repo/train/Fruit/Apple/Royal/0.heic", "repo/val/Fruit/Kiwi/0.heic"]
    read = read_folders(images, others, class_is_inner=True)
    assert _found(read) == {"train": {"Golden", "Kiwi"}, "val": {"Kiwi"}}
    assert read.layout.without_images == {"Royal"}
    assert read.layout.warnings == []
    by_person = read_folders(_paths("00/palm", "00/fist", "01/palm", "01/fist"), class_is_inner=True)
    assert _found(by_person) == {"": {"palm", "fist"}}


def test_splits_inside_outer_folders_are_kept_when_the_innermost_folders_are_the_classes() -> None:
    crops = [f"{crop}/{split}" for crop in ("corn", "rice") for split in ("Train", "test")]
    read = read_folders(
        _paths(*(f"{folder}/{label}" for folder in crops for label in ("rust", "mold"))), class_is_inner=True
    )
    assert _found(read) == {"train": {"rust", "mold"}, "test": {"rust", "mold"}}
    assert read.layout.warnings == []
    for paths, told in (
        (
            _paths("corn/train/rust", "corn/test/rust") + _paths("rice/mold"),
            "train and test), but are not used, because of 6 images",
        ),
        (_paths("corn/train/rust", "rice/train/mold"), "(train), but are not used"),
    ):
        read = read_folders(paths, class_is_inner=True)
        assert _found(read) == {"": {"rust", "mold"}}
        (warning,) = read.layout.warnings
        assert told in warning


def test_numbered_folders_inside_numbered_classes_are_not_told() -> None:
    folders = ("class1/farm1", "class1/farm2", "class2/farm1", "class2/farm2")
    assert read_folders(_paths(*folders)).layout.warnings == []


def test_splits_inside_all_classes_are_kept() -> None:
    read = read_folders(_paths("cat/train", "cat/test", "dog/train", "dog/test"))
    assert _found(read) == {"train": {"cat", "dog"}, "test": {"cat", "dog"}}
    assert read.layout.warnings == []


def test_splits_inside_some_classes_are_told() -> None:
    read = read_folders(_paths("cat/train", "cat/test", "dog/train", "dog/test", "dog/other"))
    assert _found(read) == {"": {"cat", "dog"}}
    assert "count as part of the class" in read.layout.warnings[0]


@pytest.mark.parametrize(
    "inner",
    [
        ("Imgs",),
        ("images", "masks"),
        ("patient1", "patient2", "patient10"),
        ("batch1", "batch2"),
        ("2022", "2023"),
        ("crops/images",),
    ],
)
def test_folders_inside_classes_that_are_no_classes_are_not_told(inner: tuple[str, ...]) -> None:
    read = read_folders(_paths(*(f"{label}/{name}" for label in ("cat", "dog") for name in inner)))
    assert _found(read) == {"": {"cat", "dog"}}
    assert read.layout.warnings == []


def test_classes_without_an_image_that_can_be_read_are_named() -> None:
    images = _paths("set/train/cat", "set/train/dog", "set/test/cat")
    others = [
        "set/train/bird/0.heic",
        "set/train/cow/",
        "set/docs/plot.svg",
        "set/test/cat/bad.jpg",
        "set/test/",
    ]
    assert read_folders(images, others).layout.without_images == {"bird", "cow"}
