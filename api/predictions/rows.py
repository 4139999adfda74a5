"""Reads the rows of a batch prediction from storage, some at a time."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from fastapi import Query

from api.http.csv_text import csv_lines
from api.predictions.errors import NoThumbnailError, PredictionNotReadyError
from api.records.storages import Storages
from model.batch_prediction.rows import Row, part_of, read_rows, thumbnails_key
from model.errors import ObjectMissingError
from worker.queue.records import BatchPrediction

_COLUMNS = ("index", "file", "image", "status", "label", "score", "abstained", "error")


class RowFormat(StrEnum):
    """How rows are written."""

    JSONL = "jsonl"
    """One JSON object a line, with all fields."""
    CSV = "csv"

    @property
    def media_type(self) -> str:
        """The type of the answer."""
        return "text/csv" if self is RowFormat.CSV else "application/jsonl"

    @property
    def head(self) -> bytes:
        """What is written before the rows."""
        return csv_lines([_COLUMNS]) if self is RowFormat.CSV else b""

    def write(self, rows: list[Row]) -> bytes:
        """Write some rows."""
        if self is RowFormat.CSV:
            return csv_lines(_cells(row) for row in rows)
        shown = (row.model_dump_json(exclude={"thumbnail"}, exclude_none=True) for row in rows)
        return "".join(f"{line}\n" for line in shown).encode()


class RowStatus(StrEnum):
    """Whether a file was classified."""

    OK = "ok"
    ERROR = "error"


@dataclass(frozen=True)
class WantedRows:
    """The query of the rows of a batch prediction: which ones, from where, how many."""

    label: Annotated[str | None, Query(max_length=1000, description="Only rows with this label.")] = None
    below: Annotated[float | None, Query(ge=0, le=1, description="Only scores below it.")] = None
    above: Annotated[float | None, Query(ge=0, le=1, description="Only scores of at least it.")] = None
    status: Annotated[
        RowStatus | None, Query(description="ok: only classified files; error: the others.")
    ] = None
    after: Annotated[int, Query(ge=-1, description="The index of the last row that you have.")] = -1
    limit: Annotated[
        int | None, Query(ge=1, le=1_000_000, description="Maximum number of rows; default: all.")
    ] = None

    def takes(self, row: Row) -> bool:
        """Whether a row is wanted. A row with an error has no label and no score."""
        if row.index <= self.after or (self.status is not None and row.status != self.status.value):
            return False
        if self.label is not None and row.label != self.label:
            return False
        if self.below is None and self.above is None:
            return True
        return (
            row.score is not None
            and (self.below is None or row.score < self.below)
            and (self.above is None or row.score >= self.above)
        )


class RowReader:
    """Reads the rows of all projects."""

    def __init__(self, storages: Storages) -> None:
        self._storages = storages

    async def chunks(
        self, found: BatchPrediction, project: str, wanted: WantedRows, row_format: RowFormat
    ) -> AsyncIterator[bytes]:
        """Yield the rows that are wanted, those of a part at once; the first piece is never missing.

        Raises:
            PredictionNotReadyError: it has not succeeded.
            CorruptArtifactError: the rows are damaged in storage.
            StorageError: storage cannot be read.
        """
        if found.result is None:
            raise PredictionNotReadyError(found.status)
        left = found.result.images if wanted.limit is None else wanted.limit
        head = row_format.head
        for part in range(part_of(wanted.after + 1), part_of(found.result.images - 1) + 1):
            rows = await self._part(found, project, part)
            taken = [row for row in rows if wanted.takes(row)][:left]
            left -= len(taken)
            if head or taken:
                yield head + row_format.write(taken)
                head = b""
            if not left:
                break
        if head:
            yield head

    async def thumbnail(self, found: BatchPrediction, project: str, index: int) -> bytes:
        """Return the thumbnail of a row, a WebP file; raises NoThumbnailError."""
        try:
            rows = await self._part(found, project, part_of(index))
        except ObjectMissingError:
            raise NoThumbnailError from None
        place = next((row.thumbnail for row in rows if row.index == index), None)
        if place is None:
            raise NoThumbnailError
        name, offset, length = place
        storage = self._storages.of(project)
        return await self._storages.run(storage.read_range, thumbnails_key(found.id, name), offset, length)

    async def _part(self, found: BatchPrediction, project: str, part: int) -> list[Row]:
        return await self._storages.run(read_rows, self._storages.of(project), found.id, part)


def _cells(row: Row) -> tuple[object, ...]:
    abstained = str(row.abstained).lower() if row.label else None
    error = f"{row.error.code}: {row.error.message}" if row.error else None
    return row.index, row.file, row.image, row.status, row.label, row.score, abstained, error
