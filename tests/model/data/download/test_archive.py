"""A downloaded dataset: what its zip holds, and that it is the same dataset when it is added again."""

import hashlib
import io
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile

import pytest

from model.data.download.appended_zip import AppendedZip
from model.data.download.archive import open_archive
from model.data.importing import import_dataset
from model.data.record import IMAGES_FILE, dataset_key
from model.errors import CorruptArtifactError
from model.storage.local import LocalStorage
from tests.model.pictures import two_classes, write_zip

ADDED = datetime(2026, 11, 28, tzinfo=UTC)


def test_an_archive_that_is_added_again_is_the_same_dataset(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path / "storage")
    files = {f"Ära {path}": data for path, data in two_classes().items()}
    record = import_dataset(write_zip(tmp_path / "pets.zip", files), storage, "pets")
    archive = tmp_path / "archive.zip"
    with (
        storage.as_file(dataset_key(record.facts.id, IMAGES_FILE)) as images,
        open_archive(images, record.facts, 3, ADDED) as opened,
    ):
        archive.write_bytes(b"".join(opened))
        assert archive.stat().st_size == opened.size
    again = import_dataset(archive, LocalStorage(tmp_path / "other"), "again")
    assert again.facts.id == record.facts.id
    with ZipFile(archive) as zipped:
        assert zipped.testzip() is None
        names = zipped.namelist()
        table = zipped.read("images.csv")
        description = json.loads(zipped.read("croissant.json"))
    assert len([name for name in names if name.startswith(("train/", "test/"))]) == record.images == 20
    assert (description["name"], description["version"]) == ("pets", "3.0.0")
    assert description["conformsTo"] == "http://mlcommons.org/croissant/1.0"
    [table_file, image_files] = description["distribution"]
    assert table_file["sha256"] == hashlib.sha256(table).hexdigest()
    assert image_files["includes"] == ["train/**", "test/**"]
    [record_set] = description["recordSet"]
    assert [field["name"] for field in record_set["field"]] == ["path", "label", "split", "image"]
    ids = {part["@id"] for part in description["distribution"]}
    fields = {field["name"]: field["source"] for field in record_set["field"]}
    assert {source["fileSet"]["@id"] for source in fields.values()} < ids
    image = next(name for name in names if name.startswith("train/"))
    found = [re.match(fields[name]["transform"]["regex"], image) for name in ("split", "label")]
    assert [match and match[1] for match in found] == image.split("/")[:2]
    assert "license" not in description


@pytest.mark.parametrize("files", [0, 3, 65_532, 65_540])
def test_files_are_appended_to_small_and_large_zips(tmp_path: Path, files: int) -> None:
    path = tmp_path / "images.zip"
    with ZipFile(path, "w", ZIP_STORED) as archive:
        for number in range(files):
            archive.writestr(f"train/a/{number}", b"x")
    with path.open("rb") as file:
        appended = AppendedZip(file, {"größe.txt": b"one", "b": b"two"})
        data = b"".join(appended)
    assert len(data) == appended.size
    with ZipFile(io.BytesIO(data)) as archive:
        assert len(archive.namelist()) == files + 2
        assert (archive.read("größe.txt"), archive.read("b")) == (b"one", b"two")
        assert files < 2 or archive.read("train/a/1") == b"x"


def test_damaged_images_are_told(tmp_path: Path) -> None:
    (tmp_path / "images.zip").write_bytes(b"no zip at all, but long enough for the end of one")
    with (tmp_path / "images.zip").open("rb") as file, pytest.raises(CorruptArtifactError, match="damaged"):
        AppendedZip(file, {})
