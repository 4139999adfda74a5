"""Reads the rows of a batch prediction from storage, some at a time."""

import asyncio
from collections.abc import AsyncIterator
from enum import StrEnum
from typing import TYPE_CHECKING

from api.http.csv_text import csv_lines
from api.http.errors import invalid_field
from api.predictions.columns import RecentColumns
from api.predictions.errors import NoThumbnailError, PredictionNotReadyError
from api.predictions.queries import RowFilterQuery, RowQuery
from api.records.storages import Storages
from model.batch_prediction.rows import Row, part_of, read_rows, thumbnails_key
from model.errors import ObjectMissingError
from worker.queue.records import BatchPrediction

if TYPE_CHECKING:
    from model.batch_prediction.columns import Columns
    from model.batch_prediction.searching import RowCounts

_COLUMNS = ("index", "file", "image", "status", "label", "score", "abstained", "label_set", "error")


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


class RowReader:
    """Reads the rows of all projects."""

    def __init__(self, storages: Storages) -> None:
        self._storages = storages
        self._columns = RecentColumns(storages)

    async def chunks(
        self, found: BatchPrediction, project: str, wanted: RowQuery, row_format: RowFormat
    ) -> AsyncIterator[bytes]:
        """Yield the rows that are wanted, those of a part at once; the first piece is never missing.

        Raises:
            PredictionNotReadyError: it has not succeeded.
            InvalidRequestError: the query asks for too many rows by score, or begins behind an unknown row.
            CorruptArtifactError: the rows are damaged in storage.
            StorageError: storage cannot be read.
        """
        head = row_format.head
        for indices in await self._find(found, project, wanted):
            yield head + row_format.write(await self._read(found, project, indices))
            head = b""
        if head:
            yield head

    async def count(self, found: BatchPrediction, project: str, wanted: RowFilterQuery) -> "RowCounts":
        """Count the rows that are wanted; raises PredictionNotReadyError or StorageError."""
        _check_has_rows(found)

        def search(columns: "Columns") -> "RowCounts":
            from model.batch_prediction.searching import count_rows  # noqa: PLC0415 - needs numpy

            return count_rows(columns, wanted.filter)

        return await self._columns.search(found.id, project, search)

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

    async def _find(self, found: BatchPrediction, project: str, wanted: RowQuery) -> list[list[int]]:
        """Return the indices of the rows in order: those of each part, or all of a page by score."""
        _check_has_rows(found)
        wanted.check()

        def search(columns: "Columns") -> list[list[int]] | None:
            from model.batch_prediction.searching import UnknownRowError, find_rows  # noqa: PLC0415 - needs numpy

            try:
                return find_rows(columns, wanted.filter, wanted.order, wanted.after, wanted.limit)
            except UnknownRowError:
                return None

        indices = await self._columns.search(found.id, project, search)
        if indices is None:
            raise invalid_field("after", "Pass the index of the last row that you have of the same query.")
        return indices

    async def _read(self, found: BatchPrediction, project: str, indices: list[int]) -> list[Row]:
        parts = sorted({part_of(index) for index in indices})
        wanted = set(indices)

        async def read(part: int) -> list[Row]:
            return [row for row in await self._part(found, project, part) if row.index in wanted]

        rows = {row.index: row for some in await asyncio.gather(*map(read, parts)) for row in some}
        return [rows[index] for index in indices]

    async def _part(self, found: BatchPrediction, project: str, part: int) -> list[Row]:
        return await self._storages.run(read_rows, self._storages.of(project), found.id, part)


def _check_has_rows(found: BatchPrediction) -> None:
    if found.result is None:
        raise PredictionNotReadyError(found.status)


def _cells(row: Row) -> tuple[object, ...]:
    abstained = str(row.abstained).lower() if row.label else None
    labels = None if row.label_set is None else "; ".join(row.label_set)
    error = f"{row.error.code}: {row.error.message}" if row.error else None
    return row.index, row.file, row.image, row.status, row.label, row.score, abstained, labels, error
