"""What storage holds of an imported dataset. Its record is written last: where there is one, all is there."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from model.errors import DatasetUnavailableError
from model.spec import DatasetFacts
from model.storage.interface import Storage

RECORD_FILE = "dataset.json"
IMAGES_FILE = "images.zip"
SKIPPED_LISTED = 1000
"""Skipped files named in a record; all are counted."""


class SkippedFile(BaseModel):
    """A file that did not become part of the dataset, and why."""

    model_config = ConfigDict(frozen=True)

    path: str
    reason: str


class DatasetRecord(BaseModel):
    """An imported dataset; its images are `train/<class>/<sha256>.<ext>` in a zip beside it."""

    model_config = ConfigDict(frozen=True)

    object: Literal["dataset"] = "dataset"
    facts: DatasetFacts
    images: int
    size_bytes: int
    """Of all image files together."""
    skipped: list[SkippedFile]
    """The first thousand."""
    skipped_count: int


def dataset_key(dataset_id: str, file: str) -> str:
    """The storage key of a dataset's file."""
    return f"datasets/{dataset_id}/{file}"


def read_record(dataset_id: str, storage: Storage) -> DatasetRecord:
    """The record of an imported dataset; raises DatasetUnavailableError when there is none."""
    key = dataset_key(dataset_id, RECORD_FILE)
    if not storage.exists(key):
        raise DatasetUnavailableError(
            f"There is no dataset {dataset_id[:80]!r}: upload one with `ninefold datasets add FOLDER`, or use a "
            "built-in one such as `digits`."
        )
    return DatasetRecord.model_validate_json(storage.read_bytes(key))
