"""Versions of a dataset: what corrections and added images make of it."""

import hashlib
import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, ZipFile

import pytest

from model.data.files.image_ids import image_ids
from model.data.importing import import_dataset
from model.data.record import IMAGES_FILE, DatasetRecord, dataset_key
from model.data.report.index_file import INDEX_FILE
from model.data.report.reading import ImageFilter, open_index
from model.data.versions.corrections import CORRECTIONS_FILE
from model.data.versions.making import Parent, make_version
from model.errors import (
    DatasetRejectedError,
    EmptiedClassError,
    UnchangedDatasetError,
    UnknownImageError,
)
from model.storage.interface import Storage
from model.storage.local import LocalStorage
from tests.model.photos import photo
from tests.model.pictures import encode, png, two_classes, write_zip
from tests.stored import stored_path

DUPLICATED = {**two_classes(), "cat/copy.png": png(0), "dog/copy.png": png(0)}
"""The first cat lies in both classes, and twice among the cats."""


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return LocalStorage(tmp_path / "storage")


class Versions:
    """A dataset and the versions that are made of it."""

    def __init__(self, storage: LocalStorage, folder: Path, files: dict[str, bytes]) -> None:
        self._storage = storage
        self._folder = folder
        self.first = import_dataset(write_zip(folder / "first.zip", files), storage, "pets")

    def make(
        self, parent: DatasetRecord, corrections: Any = None, added: dict[str, bytes] | None = None
    ) -> DatasetRecord:
        files = dict(added or {})
        if corrections is not None:
            files[CORRECTIONS_FILE] = json.dumps(corrections).encode()
        upload = write_zip(self._folder / "upload.zip", files, ZIP_STORED)
        return self.make_of(parent, upload)

    def make_of(self, parent: DatasetRecord, upload: Path) -> DatasetRecord:
        def key(file: str) -> str:
            return dataset_key(parent.facts.id, file)

        with ExitStack() as stack:
            images = stack.enter_context(self._storage.as_file(key(IMAGES_FILE)))
            has_index = self._storage.exists(key(INDEX_FILE))
            index = stack.enter_context(self._storage.as_file(key(INDEX_FILE))) if has_index else None
            return make_version(Parent(parent.facts.id, images, index), upload, self._storage, "pets")

    def images(self, record: DatasetRecord) -> dict[str, tuple[str, str]]:
        """Return split and class of each image, by id."""
        with (
            self._storage.as_file(dataset_key(record.facts.id, IMAGES_FILE)) as path,
            ZipFile(path) as zipped,
        ):
            names = [name.split("/") for name in zipped.namelist()]
        ids = image_ids(file.partition(".")[0].partition("-")[0] for _, _, file in names)
        return {one: (split, label) for one, (split, label, _) in zip(ids, names, strict=True)}


@pytest.fixture
def versions(storage: LocalStorage, tmp_path: Path) -> Versions:
    return Versions(storage, tmp_path, two_classes())


def of(images: dict[str, tuple[str, str]], split: str, label: str) -> list[str]:
    return [image for image, place in images.items() if place == (split, label)]


def test_relabelled_images_keep_their_split_and_removed_ones_are_gone(versions: Versions) -> None:
    before = versions.images(versions.first)
    train, test, gone = (
        of(before, "train", "cat")[0],
        of(before, "test", "cat")[0],
        of(before, "train", "dog")[0],
    )
    second = versions.make(
        versions.first,
        {"relabel": [{"image": train, "class": "dog"}, {"image": test, "class": "dog"}], "remove": [gone]},
    )
    expected = {**before, train: ("train", "dog"), test: ("test", "dog")}
    del expected[gone]
    assert versions.images(second) == expected
    assert second.facts.name == "pets"
    assert second.skipped == []


def test_added_images_leave_every_image_of_the_parent_in_its_split(versions: Versions) -> None:
    before = versions.images(versions.first)
    added = {f"cat/new{number}.png": png(5000 + number) for number in range(40)}
    third = {f"bird/{number}.png": png(6000 + number) for number in range(10)}
    again = {"dog/again.png": png(0)}
    second = versions.make(versions.first, None, {**added, **third, **again})
    after = versions.images(second)
    assert before.items() <= after.items()
    assert len(after) == len(before) + 50
    new = [place for image, place in after.items() if image not in before]
    assert {split for split, label in new if label == "cat"} == {"train", "test"}
    assert ("test", "bird") in new
    assert [(one.path, one.reason) for one in second.skipped] == [
        ("dog/again.png", "the same image is in the dataset already, in class 'cat'")
    ]


@pytest.mark.parametrize("count", [1, 40])
def test_added_images_that_a_table_puts_into_train_leave_the_test_images_as_they_are(
    versions: Versions, count: int
) -> None:
    before = versions.images(versions.first)
    added = {f"rev_{number}": png(5000 + number) for number in range(count)}
    rows = ["path,label,split", *(f"{path},cat,train" for path in added)]
    after = versions.images(
        versions.make(versions.first, None, {**added, "labels.csv": "\n".join(rows).encode()})
    )
    assert before.items() <= after.items()
    assert [place for image, place in after.items() if image not in before] == [("train", "cat")] * count


def test_corrections_and_added_images_make_one_version(versions: Versions) -> None:
    before = versions.images(versions.first)
    gone = of(before, "train", "cat")[0]
    second = versions.make(
        versions.first, {"remove": [gone]}, {"train/cat/1.png": png(77), "test/cat/2.png": png(78)}
    )
    after = versions.images(second)
    assert gone not in after
    assert second.images == 21
    assert sorted(place for image, place in after.items() if image not in before) == [
        ("test", "cat"),
        ("train", "cat"),
    ]


def test_copies_are_corrected_one_by_one(storage: LocalStorage, tmp_path: Path) -> None:
    versions = Versions(storage, tmp_path, DUPLICATED)
    images = versions.images(versions.first)
    copies = [image for image in images if image.endswith(("-2", "-3"))]
    assert len(copies) == 2
    assert versions.images(versions.make(versions.first, {"remove": copies})).keys() == images.keys() - set(
        copies
    )
    group = [copies[0].removesuffix("-2"), *copies]
    kept = versions.make(versions.first, {"keep_one": [group]})
    assert kept.images == versions.first.images - 2


def test_of_a_group_the_test_image_is_kept(versions: Versions) -> None:
    images = versions.images(versions.first)
    test, group = of(images, "test", "dog")[0], of(images, "train", "dog")[:2]
    kept = versions.images(versions.make(versions.first, {"keep_one": [[*group, test]]}))
    assert kept.keys() == images.keys() - set(group)


def test_a_class_is_merged_into_another_by_relabelling_all_its_images(
    storage: LocalStorage, tmp_path: Path
) -> None:
    files = {**two_classes(), **{f"Cat_/{number}.png": png(7000 + number) for number in range(8)}}
    versions = Versions(storage, tmp_path, files)
    images = versions.images(versions.first)
    merged = versions.make(
        versions.first,
        {
            "relabel": [
                {"image": one, "class": "cat"} for one, (_, label) in images.items() if label == "Cat_"
            ]
        },
    )
    assert merged.facts.classes == ["cat", "dog"]
    assert merged.images == versions.first.images


UNKNOWN = f"img_{'0' * 24}"


def test_what_cannot_be_corrected_is_refused(versions: Versions, tmp_path: Path) -> None:
    images = versions.images(versions.first)
    cats = [image for image, (_, label) in images.items() if label == "cat"]
    refused: list[tuple[Any, type[Exception], str]] = [
        ({"remove": [UNKNOWN]}, UnknownImageError, UNKNOWN),
        ({"relabel": [{"image": UNKNOWN, "class": "dog"}]}, UnknownImageError, UNKNOWN),
        ({"keep_one": ["grp_0123456789ab"]}, UnknownImageError, "no group"),
        ({"remove": cats}, EmptiedClassError, "class cat"),
        ({"remove": cats[:9]}, DatasetRejectedError, "usable training images"),
        ({"relabel": [{"image": cats[0], "class": "cat"}]}, UnchangedDatasetError, "Nothing changed"),
        ({"relabel": [{"image": cats[0], "class": "a/b"}]}, DatasetRejectedError, "relabel.0.class"),
        ({"remove": ["img_1"]}, DatasetRejectedError, "remove.0"),
        (
            {"remove": cats[:1], "relabel": [{"image": cats[0], "class": "dog"}]},
            DatasetRejectedError,
            "choose one",
        ),
        ({"keep": []}, DatasetRejectedError, "keep"),
        ({"remove": [UNKNOWN] * 100_001}, DatasetRejectedError, "100000"),
        ([], DatasetRejectedError, CORRECTIONS_FILE),
    ]
    for corrections, error, words in refused:
        with pytest.raises(error, match=words):
            versions.make(versions.first, corrections)
    with pytest.raises(UnchangedDatasetError, match="none of the added files is a new image"):
        versions.make(versions.first, None, two_classes(3))
    with pytest.raises(UnchangedDatasetError):
        versions.make(versions.first, {})
    compressible = {CORRECTIONS_FILE: b" " * 5_000_000}
    upload = write_zip(tmp_path / "bomb.zip", compressible)
    with pytest.raises(DatasetRejectedError, match="zip bombs"):
        versions.make_of(versions.first, upload)


def test_corrections_that_are_taken_back_give_the_first_dataset_again(versions: Versions) -> None:
    image = of(versions.images(versions.first), "train", "cat")[0]
    second = versions.make(versions.first, {"relabel": [{"image": image, "class": "dog"}]})
    third = versions.make(second, {"relabel": [{"image": image, "class": "cat"}]})
    assert third.facts.id == versions.first.facts.id != second.facts.id


def photo_of(quality: int) -> bytes:
    return encode(photo(1), "JPEG", quality=quality)


def id_of(data: bytes) -> str:
    return f"img_{hashlib.sha256(data).hexdigest()[:24]}"


def test_a_group_of_near_duplicates_keeps_one_image(storage: LocalStorage, tmp_path: Path) -> None:
    near = {f"cat/{quality}.jpg": photo_of(quality) for quality in (95, 80, 60)}
    versions = Versions(storage, tmp_path, {**two_classes(), **near})
    ids = {id_of(data) for data in near.values()}
    second = versions.make(versions.first, {"keep_one": [f"grp_{min(ids)[4:16]}"]})
    assert second.images == versions.first.images - 2
    assert len(versions.images(second).keys() & ids) == 1


def test_an_added_twin_joins_the_split_of_its_image(storage: LocalStorage, tmp_path: Path) -> None:
    versions = Versions(storage, tmp_path, {**two_classes(), "cat/photo.jpg": photo_of(95)})
    before = versions.images(versions.first)
    split = before[id_of(photo_of(95))][0]
    twins = {f"cat/{quality}.jpg": photo_of(quality) for quality in (50, 60, 70, 80)}
    after = versions.images(versions.make(versions.first, None, twins))
    assert {place[0] for image, place in after.items() if image not in before} == {split}
    other = "test" if split == "train" else "train"
    straddling = {
        f"{other}/cat/near.jpg": photo_of(50),
        f"{other}/cat/1.png": png(98),
        f"{split}/cat/2.png": png(99),
    }
    third = versions.make(versions.first, None, straddling)
    reason = f"nearly the same image is in the {split} split"
    assert [(one.path, one.reason) for one in third.skipped] == [(f"{other}/cat/near.jpg", reason)]
    assert before.items() <= versions.images(third).items()


def paths_of(storage: Storage, record: DatasetRecord) -> set[str]:
    with open_index(stored_path(storage, dataset_key(record.facts.id, INDEX_FILE))) as index:
        return {image.path for image in index.page(ImageFilter(), "", 1000)}


def test_images_of_earlier_versions_are_named_by_their_path_in_the_upload(
    storage: LocalStorage, tmp_path: Path
) -> None:
    versions = Versions(storage, tmp_path, two_classes())
    second = versions.make(versions.first, None, {"cat/0.png": png(50)})
    third = versions.make(second, None, {"bird/twin.png": png(3), "dog/photo.jpg": photo_of(95)})
    assert paths_of(storage, third) == {*two_classes(), "dog/photo.jpg"}
    fourth = versions.make(third, None, {"cat/near.jpg": photo_of(60)})
    [warning] = [one for one in fourth.warnings if "another class" in one]
    assert ": cat/near.jpg = dog/photo.jpg. Keep" in warning
    storage.delete(dataset_key(fourth.facts.id, INDEX_FILE))
    without_index = versions.make(fourth, None, {"cat/new.png": png(60)})
    assert any("pets/train/dog/" in one or "pets/test/dog/" in one for one in without_index.warnings)
