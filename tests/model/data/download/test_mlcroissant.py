"""mlcroissant, the reference reader of Croissant, reads a downloaded dataset. It brings pandas and has a `.venv` of its own."""

import json
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from zipfile import ZipFile

import pytest

from model.data.download.archive import open_archive
from model.data.importing import import_dataset
from model.data.record import IMAGES_FILE, dataset_key
from model.storage.local import LocalStorage
from tests.model.pictures import HEIGHT, WIDTH, two_classes, write_zip

pytestmark = pytest.mark.croissant

READ = """
import json, sys
import mlcroissant
dataset = mlcroissant.Dataset(jsonld=sys.argv[1])
text = lambda value: value.decode() if isinstance(value, bytes) else str(value)
print(json.dumps([
    [*(text(record[f"images/{name}"]) for name in ("split", "label")), record["images/image"].size]
    for record in dataset.records("images")
]))
"""


def test_mlcroissant_reads_every_image_with_its_label_and_split(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path / "storage")
    files = {f"Ära {path}": data for path, data in two_classes().items()}
    record = import_dataset(write_zip(tmp_path / "pets.zip", files), storage, "pets")
    archive = tmp_path / "archive.zip"
    with (
        storage.as_file(dataset_key(record.facts.id, IMAGES_FILE)) as images,
        open_archive(images, record.facts, 3, datetime(2026, 11, 28, tzinfo=UTC)) as opened,
    ):
        archive.write_bytes(b"".join(opened))
    with ZipFile(archive) as zipped:
        expected = [name.split("/")[:2] for name in zipped.namelist() if name.startswith(("train/", "test/"))]
        zipped.extractall(tmp_path / "unpacked")
    python = os.environ["MLCROISSANT_PYTHON"]
    read = subprocess.run(
        [python, "-c", READ, str(tmp_path / "unpacked" / "croissant.json")],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert read.returncode == 0, read.stderr
    found = json.loads(read.stdout)
    assert sorted(pair for *pair, _ in found) == sorted(expected)
    assert all(size == [WIDTH, HEIGHT] for *_, size in found)
