"""The index of a dataset beside its zip: places of bytes, thumbnails, ids, skipped files."""

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

from model.data.record import IMAGES_FILE, DatasetRecord, dataset_key
from model.data.report.index_file import INDEX_FILE, THUMBNAILS_PATTERN, create
from model.data.report.reading import DatasetIndex, ImageFilter, NoSuchImageError, open_index
from model.errors import StorageError
from model.storage.interface import Storage
from tests.model.imports import import_files
from tests.model.pictures import encode, noise, png, two_classes
from tests.stored import stored_path

EVERYTHING = ImageFilter()


@contextmanager
def index_of(record: DatasetRecord, storage: Storage) -> Iterator[DatasetIndex]:
    with open_index(stored_path(storage, dataset_key(record.facts.id, INDEX_FILE))) as index:
        yield index


def test_the_index_says_where_the_bytes_of_each_image_lie(storage: Storage, tmp_path: Path) -> None:
    files = two_classes() | {
        "cat/ü copy.png": png(3),
        "cat/x.jpg": encode(noise(5), "JPEG"),
        "dog/twin.png": png(4),
    }
    record = import_files(files, storage, tmp_path)
    zipped = dataset_key(record.facts.id, IMAGES_FILE)
    with index_of(record, storage) as index, zipfile.ZipFile(stored_path(storage, zipped)) as archive:
        images = index.page(EVERYTHING, "", 100)
        names = archive.namelist()
        assert len(images) == len(names) == record.images
        for image, name in zip(images, names, strict=True):
            assert (image.split, image.label) == tuple(name.split("/")[:2])
            assert image.id[4:28] == name.split("/")[2][:24]
            data = storage.read_range(zipped, image.original.offset, image.original.length)
            assert data == archive.read(name) == files[image.path]
            pack = dataset_key(record.facts.id, image.thumbnails_file)
            thumbnail = storage.read_range(pack, image.thumbnail.offset, image.thumbnail.length)
            with Image.open(io.BytesIO(thumbnail)) as opened:
                assert (opened.format, opened.size) == ("WEBP", (image.width, image.height))
        assert (
            len({image.id for image in images}) == record.images
        )  # copies in one class and in two are told apart
        assert all(index.image(image.id) == image for image in images)
        with pytest.raises(NoSuchImageError):
            index.image("img_0")


def test_every_skipped_file_is_in_the_index(storage: Storage, tmp_path: Path) -> None:
    files = two_classes() | {f"cat/{number:04}.txt": b"" for number in range(1500)}
    record = import_files(files, storage, tmp_path)
    with index_of(record, storage) as index:
        first = index.skipped(0, 1000)
        rest = index.skipped(first[-1][0], 1000)
        assert [file.path for _, file in first + rest] == [f"cat/{number:04}.txt" for number in range(1500)]
        report = index.report()
    assert report.skipped_count == record.skipped_count == 1500
    assert len(report.skipped) == 20


def test_a_thumbnail_shows_an_upright_image_without_metadata(storage: Storage, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn right
    exif[0x010E] = "secret"
    lying = encode(noise(1, 400, 100), "JPEG", exif=exif, icc_profile=b"profile")
    record = import_files(two_classes() | {"cat/x.jpg": lying}, storage, tmp_path)
    with index_of(record, storage) as index:
        [image] = [image for image in index.page(EVERYTHING, "", 100) if image.format == "JPEG"]
        pack = dataset_key(record.facts.id, image.thumbnails_file)
    assert (image.width, image.height) == (100, 400)
    data = storage.read_range(pack, image.thumbnail.offset, image.thumbnail.length)
    assert b"secret" not in data
    with Image.open(io.BytesIO(data)) as opened:
        assert opened.size == (40, 160)
        assert not opened.getexif()
        assert "icc_profile" not in opened.info


def test_only_images_of_the_dataset_have_a_thumbnail_in_storage(storage: Storage, tmp_path: Path) -> None:
    record = import_files(two_classes() | {"lost.png": png(99)}, storage, tmp_path)
    [pack] = [key for key in storage.list() if Path(key).match(THUMBNAILS_PATTERN)]
    with index_of(record, storage) as index:
        images = index.page(EVERYTHING, "", 100)
        assert {dataset_key(record.facts.id, image.thumbnails_file) for image in images} == {pack}
    assert len(storage.read_bytes(pack)) == sum(image.thumbnail.length for image in images)


def test_adding_the_same_images_again_writes_a_missing_index_and_keeps_an_existing_one(
    storage: Storage, tmp_path: Path
) -> None:
    record = import_files(two_classes(), storage, tmp_path)
    key = dataset_key(record.facts.id, INDEX_FILE)
    stored = storage.read_bytes(key)
    moved = {f"moved/{path}": data for path, data in two_classes().items()}
    import_files(moved, storage, tmp_path)
    assert storage.read_bytes(key) == stored
    storage.delete(key)
    import_files(moved, storage, tmp_path)
    with index_of(record, storage) as index:
        assert all(image.path.startswith("moved/") for image in index.page(EVERYTHING, "", 100))


def test_a_hostile_index_neither_writes_nor_runs_for_ever(tmp_path: Path) -> None:
    path = tmp_path / INDEX_FILE
    connection = create(path)
    connection.executescript(
        "DROP TABLE skipped; CREATE VIEW skipped AS WITH RECURSIVE endless(n) AS "
        "(SELECT 1 UNION ALL SELECT n + 1 FROM endless) SELECT sum(n) AS number, '' AS path, '' AS reason FROM endless;"
    )
    connection.close()
    with pytest.raises(StorageError, match="damaged"), open_index(path) as index:
        index.skipped(0, 10)
