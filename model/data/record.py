"""The record of an imported dataset and the storage keys of its files.

The record is written after the images, so a dataset with a record is complete. Stored objects never change: a record
with the facts of a later reader is stored beside the first one, which earlier releases read.
"""

from contextlib import suppress
from typing import Literal

from pydantic import BaseModel, ConfigDict

from model.data.files.characters import shorten
from model.errors import DatasetUnavailableError, ObjectExistsError
from model.spec import DatasetFacts
from model.storage.interface import Storage

RECORD_FILE = "dataset.json"
IMAGES_FILE = "images.zip"
READER_VERSION = 2
"""Increase it when an import finds other facts in the same images."""
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
    """Read the record of an imported dataset, the newest that this release knows.

    Raises:
        DatasetUnavailableError: storage has no such dataset.
    """
    key = dataset_key(dataset_id, RECORD_FILE)
    if not storage.exists(key):
        raise DatasetUnavailableError(
            f"There is no dataset {shorten(dataset_id)!r}: upload one with `ninefold datasets add FOLDER`, or use a "
            "built-in one such as `digits`."
        )
    first = DatasetRecord.model_validate_json(storage.read_bytes(key))
    for version in range(READER_VERSION, first.facts.reader_version, -1):
        if storage.exists(later := _later_key(dataset_id, version)):
            return DatasetRecord.model_validate_json(storage.read_bytes(later))
    return first


def update_record(found: DatasetRecord, storage: Storage) -> DatasetRecord:
    """Store what this release found in the images of a stored dataset, if an earlier one read them; return the newest."""
    stored = read_record(found.facts.id, storage)
    version = found.facts.reader_version
    if stored.facts.reader_version >= version:
        return stored
    facts = found.facts.model_copy(update={"name": stored.facts.name})
    newer = found.model_copy(update={"facts": facts})
    with suppress(ObjectExistsError):  # another import of the same images may do so at the same time
        storage.put_bytes(_later_key(facts.id, version), newer.model_dump_json(indent=1).encode())
    return read_record(facts.id, storage)


def _later_key(dataset_id: str, reader_version: int) -> str:
    return dataset_key(dataset_id, f"dataset-v{reader_version}.json")
