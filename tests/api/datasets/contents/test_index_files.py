"""Copies of indexes from a bucket: kept between requests, limited in size, and those of the dataset that is there."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from api.datasets.contents.index_files import IndexFiles, IndexKey
from api.records.storages import Storages
from model.data.record import dataset_key
from model.data.report.index_file import INDEX_FILE
from model.data.report.reading import ImageFilter
from model.storage.interface import Storage
from tests.model.imports import import_files
from tests.model.pictures import two_classes
from tests.s3_server import BUCKET, running_s3
from worker.redis_server.projects import DEFAULT_PROJECT

FIRST = datetime(2026, 11, 1, tzinfo=UTC)
LATER = datetime(2026, 11, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def server() -> Iterator[dict[str, str]]:
    with running_s3() as environment:
        yield environment


@pytest.fixture
def storages(server: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Storages:
    """A bucket, of which local copies lie in `copies`."""
    for name, value in server.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "copies").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "copies"))
    return Storages(f"s3://{BUCKET}/{tmp_path.name}")


def copies(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "copies").rglob("*") if path.is_file()]


def paths(indexes: IndexFiles, dataset_id: str, added_at: datetime = FIRST) -> set[str]:
    """Return the path in the upload of each image."""
    key = IndexKey(DEFAULT_PROJECT, dataset_id, added_at)
    found = asyncio.run(indexes.read(key, lambda index: index.page(ImageFilter(), "", 100)))
    return {image.path for image in found}


def add(storage: Storage, tmp_path: Path, images: int) -> str:
    return import_files(two_classes(images), storage, tmp_path).facts.id


def test_an_index_is_copied_once_and_its_copy_returned_at_the_end(storages: Storages, tmp_path: Path) -> None:
    dataset_id = add(storages.root, tmp_path, 4)
    indexes = IndexFiles(storages)
    assert paths(indexes, dataset_id) == two_classes(4).keys()
    storages.root.delete(dataset_key(dataset_id, INDEX_FILE))
    assert paths(indexes, dataset_id) == two_classes(4).keys()
    assert len(copies(tmp_path)) == 1
    indexes.close()
    assert copies(tmp_path) == []


def test_copies_above_the_limit_are_deleted_and_copied_again(storages: Storages, tmp_path: Path) -> None:
    ids = [add(storages.root, tmp_path, images) for images in (4, 5, 6)]
    indexes = IndexFiles(storages, max_bytes=1)
    for images, dataset_id in zip((4, 5, 6, 4), [*ids, ids[0]], strict=True):
        assert paths(indexes, dataset_id) == two_classes(images).keys()
        assert len(copies(tmp_path)) <= 1
    last_two = sum(len(storages.root.read_bytes(dataset_key(one, INDEX_FILE))) for one in ids[1:])
    room_for_two = IndexFiles(storages, max_bytes=last_two)
    for dataset_id in ids:
        paths(room_for_two, dataset_id)
    assert len(copies(tmp_path)) == 2
    room_for_two.close()


def test_a_copy_that_was_removed_is_copied_again(storages: Storages, tmp_path: Path) -> None:
    dataset_id = add(storages.root, tmp_path, 4)
    indexes = IndexFiles(storages)
    paths(indexes, dataset_id)
    [copy] = copies(tmp_path)
    copy.unlink()
    assert paths(indexes, dataset_id) == two_classes(4).keys()
    indexes.close()


def test_a_dataset_that_was_deleted_and_added_again_shows_its_new_index(
    storages: Storages, tmp_path: Path
) -> None:
    dataset_id = add(storages.root, tmp_path, 4)
    indexes = IndexFiles(storages)
    paths(indexes, dataset_id)
    storages.root.delete(f"datasets/{dataset_id}/")
    moved = {f"moved/{path}": data for path, data in two_classes(4).items()}
    assert import_files(moved, storages.root, tmp_path).facts.id == dataset_id
    assert paths(indexes, dataset_id, LATER) == moved.keys()
    indexes.close()
