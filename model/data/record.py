"""The record of an imported dataset and the storage keys of its files.

The record is written after the images, so a dataset with a record is complete.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from model.errors import DatasetUnavailableError
from model.spec import DatasetFacts
from model.storage.interface import Storage

RECORD_FILE = "dataset.json"
IMAGES_FILE = "images.zip"
SKIPPED_LISTED = 1000
"""A record lists at most this number of skipped files; `skipped_count` counts all of them."""


class SkippedFile(BaseModel):
    """A file of the source that is not part of the dataset, and the reason."""

    model_config = ConfigDict(frozen=True)

    path: str
    reason: str


class DatasetRecord(BaseModel):
    """An imported dataset. Its images are stored beside the record, in a zip, as `<split>/<class>/<sha256>.<ext>`."""

    model_config = ConfigDict(frozen=True)

    object: Literal["dataset"] = "dataset"
    facts: DatasetFacts
    images: int
    size_bytes: int
    """Total size of the image files."""
    skipped: list[SkippedFile]
    """The first 1000 skipped files, sorted by path; those whose name is not that of an image come last."""
    skipped_count: int
    warnings: list[str] = []
    """What is unusual about the images or their classes; each warning says what to do."""


def dataset_key(dataset_id: str, file: str) -> str:
    """Return the storage key of a file of a dataset."""
    return f"datasets/{dataset_id}/{file}"


def read_record(dataset_id: str, storage: Storage) -> DatasetRecord:
    """Read the record of an imported dataset; raises DatasetUnavailableError when storage has none."""
    key = dataset_key(dataset_id, RECORD_FILE)
    if not storage.exists(key):
        raise DatasetUnavailableError(
            f"There is no dataset {dataset_id[:80]!r}: upload one with `ninefold datasets add FOLDER`, or use a "
            "built-in one such as `digits`."
        )
    return DatasetRecord.model_validate_json(storage.read_bytes(key))
