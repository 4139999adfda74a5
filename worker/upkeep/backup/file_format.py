"""The format of a backup file: a tar with a head, the records, the objects of storage, and an end that confirms it is complete."""

from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

HEAD = "backup.json"
RECORDS = "records.jsonl"
OBJECTS = "storage/"
END = "end.json"
FORMAT = 2
"""Since format 2 a backup holds no indexes, but the places in the queue of items of later kinds. A restore derives the
indexes from the records, also for format 1."""
KINDS = ("datasets/", "models/", "archive/", "checkpoints/", "uploads/", "reviews/", "predictions/")
"""Only these folders of storage are backed up and restored."""


class Head(BaseModel):
    """The first file of a backup."""

    model_config = ConfigDict(frozen=True)

    object: Literal["backup"] = "backup"
    format: int = FORMAT
    created_at: AwareDatetime


class End(BaseModel):
    """The last file of a backup; a backup without it was cut short."""

    model_config = ConfigDict(frozen=True)

    records: int
    """Number of records."""
    objects: int
    """Number of objects."""
    gone: list[str]
    """Keys of the objects that were deleted while the backup was written."""
    later: list[str] = []
    """Ids of the work items of kinds that only a later release knows: their records are copied as they are."""
