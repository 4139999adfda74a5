"""The rows of a batch prediction, and the parts in which storage holds them: one row for each file, in a fixed order."""

import gzip
import json
import zlib
from collections.abc import Iterator, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from model.errors import CorruptArtifactError
from model.storage.interface import Storage

FOLDER = "predictions"
PART_ROWS = 256
"""Rows in each part but the last. An attempt that dies loses the work on one part."""


class RowScore(BaseModel):
    """A class and its calibrated probability."""

    model_config = ConfigDict(frozen=True)

    label: str
    score: float


class RowError(BaseModel):
    """Why a file could not be classified."""

    model_config = ConfigDict(frozen=True)

    code: str
    message: str


class Row(BaseModel):
    """The answer for one file: the fields of an answer of /predict, with the file or the image that it is about."""

    model_config = ConfigDict(frozen=True)

    index: int
    file: str | None = None
    """Its path in the zip."""
    image: str | None = None
    """Its id in the dataset."""
    status: Literal["ok", "error"] = "ok"
    label: str | None = None
    score: float | None = None
    abstained: bool = False
    scores: list[RowScore] = []
    label_set: list[str] | None = None
    """The classes that the image may have, if sets were asked for."""
    error: RowError | None = None
    thumbnail: tuple[str, int, int] | None = None
    """Name of a file of thumbnails, offset and length in it; None for an image of a dataset."""


_ROWS: TypeAdapter[list[Row]] = TypeAdapter(list[Row])


def folder_of(prediction_id: str) -> str:
    """Return the storage folder of a batch prediction."""
    return f"{FOLDER}/{prediction_id}"


def rows_key(prediction_id: str, part: int) -> str:
    """Return the storage key of a part."""
    return f"{folder_of(prediction_id)}/rows-{part:06d}.json.gz"


def thumbnails_key(prediction_id: str, name: str) -> str:
    """Return the storage key of a file of thumbnails; the name is in the rows, because two attempts may make other files."""
    return f"{folder_of(prediction_id)}/thumbnails-{name}.bin"


def part_of(index: int) -> int:
    """Return the part of a row."""
    return index // PART_ROWS


def serialise_rows(rows: Sequence[Row]) -> bytes:
    """Return a part as bytes; equal rows make equal bytes."""
    text = json.dumps([row.model_dump(exclude_defaults=True) for row in rows], ensure_ascii=False)
    return gzip.compress(text.encode(errors="replace"), 6, mtime=0)


def read_rows(storage: Storage, prediction_id: str, part: int) -> list[Row]:
    """Read a part.

    Raises:
        ObjectMissingError: it is not stored.
        CorruptArtifactError: it is damaged.
    """
    data = storage.read_bytes(rows_key(prediction_id, part))
    try:
        return _ROWS.validate_json(gzip.decompress(data))
    except (OSError, EOFError, zlib.error, ValidationError) as error:
        raise CorruptArtifactError(
            f"The rows of {prediction_id} are damaged in storage: restore them from a backup, or predict again."
        ) from error


def stored_parts(storage: Storage, prediction_id: str) -> Iterator[list[Row]]:
    """Yield the parts that are stored, up to the first one that is missing."""
    stored = set(storage.list(f"{folder_of(prediction_id)}/"))
    part = 0
    while rows_key(prediction_id, part) in stored:
        yield read_rows(storage, prediction_id, part)
        part += 1
