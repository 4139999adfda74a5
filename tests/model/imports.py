"""Imports generated files as datasets."""

from pathlib import Path

from model.data.importing import import_dataset
from model.data.record import DatasetRecord
from model.storage.interface import Storage
from tests.model.pictures import write_zip


def import_files(files: dict[str, bytes], storage: Storage, tmp_path: Path) -> DatasetRecord:
    """Import a zip of the files under the name `pets`."""
    tmp_path.mkdir(exist_ok=True)
    return import_dataset(write_zip(tmp_path / "upload.zip", files), storage, "pets")


def reasons(record: DatasetRecord) -> dict[str, str]:
    """Return the reason for each skipped file, by path."""
    return {skipped.path: skipped.reason for skipped in record.skipped}
