"""A backup's form: a tar of a head, the records, the objects of storage, and an end that says it is whole."""

from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

HEAD = "backup.json"
RECORDS = "records.jsonl"
OBJECTS = "storage/"
END = "end.json"
FORMAT = 1
KINDS = ("datasets/", "models/", "archive/", "checkpoints/")
"""The folders of storage that are backed up, and none other is restored."""


class Head(BaseModel):
    """The first file: what this is."""

    model_config = ConfigDict(frozen=True)

    object: Literal["backup"] = "backup"
    format: int = FORMAT
    created_at: AwareDatetime


class End(BaseModel):
    """The last file: without it a backup is not whole."""

    model_config = ConfigDict(frozen=True)

    records: int
    objects: int
    gone: list[str]
    """Objects that were deleted while the backup was made."""
