"""Reads the index of a dataset: the images that a filter selects, the skipped files, and the report."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from model.data.files.place import Place
from model.data.record import SkippedFile
from model.data.report.index_file import open_read_only
from model.data.report.schema import Report
from model.errors import StorageError


@dataclass(frozen=True)
class IndexedImage:
    """An image of a dataset."""

    number: int
    id: str
    split: str
    label: str
    width: int
    height: int
    mode: str
    format: str
    size_bytes: int
    path: str
    """Where it was in the upload; of a very long path, the end."""
    group: str | None
    original: Place
    """In `images.zip`."""
    thumbnail: Place
    """In `thumbnails_file`."""
    thumbnails_file: str
    """Name of the file of thumbnails."""
    findings: list[str]
    suggested_class: str | None = None
    """The class that the image probably belongs to, when its label is probably wrong."""


@dataclass(frozen=True)
class ImageFilter:
    """Which images are wanted; None leaves out no image."""

    label: str | None = None
    split: str | None = None
    finding: str | None = None
    group: str | None = None


class NoSuchImageError(Exception):
    """Raised when a dataset has no image with this id, or none among the images that were asked for."""

    def __init__(self, image_id: str) -> None:
        super().__init__(f"There is no image {image_id[:80]!r}.")
        self.image_id = image_id


class DatasetIndex:
    """An open index. Not for several threads at once."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def report(self) -> Report:
        """Return the report."""
        return Report.model_validate_json(self._fact("report"))

    def image(self, image_id: str) -> IndexedImage:
        """Return an image; raises NoSuchImageError."""
        row = self._connection.execute("SELECT * FROM images WHERE id = ?", (image_id,)).fetchone()
        if row is None:
            raise NoSuchImageError(image_id)
        return self._described([row])[0]

    def page(self, wanted: ImageFilter, after: str, limit: int) -> list[IndexedImage]:
        """Return the next images that the filter selects, in the order of the finding, or without a finding in that of the dataset.

        Args:
            wanted: which images.
            after: the id of the last image of the page before, or `""`.
            limit: the most images to return.

        Raises:
            NoSuchImageError: no image, or none of the finding, has the id `after`.
        """
        source, position = "images", "images.number"
        clauses, values = ["1"], list[object]()
        if wanted.finding is not None:
            source, position = "findings JOIN images USING (number)", "rank"
            clauses.append("code = ?")
            values.append(wanted.finding)
        if after:
            reached = self._position(source, position, [*clauses, "id = ?"], [*values, after])
            clauses.append(f"{position} > ?")
            values.append(reached)
        for column, value in (
            ("class", wanted.label),
            ("split", wanted.split),
            ("group_id", wanted.group),
        ):
            if value is not None:
                clauses.append(f"{column} = ?")
                values.append(value)
        query = f"SELECT images.* FROM {source} WHERE {' AND '.join(clauses)} ORDER BY {position} LIMIT ?"  # noqa: S608 - no values
        return self._described(self._connection.execute(query, [*values, limit]).fetchall())

    def skipped(self, after: int, limit: int) -> list[tuple[int, SkippedFile]]:
        """Return the next skipped files with their numbers, which begin at 1."""
        rows = self._connection.execute(
            "SELECT number, path, reason FROM skipped WHERE number > ? ORDER BY number LIMIT ?",
            (after, limit),
        )
        return [(number, SkippedFile(path=path, reason=reason)) for number, path, reason in rows]

    def _position(self, source: str, position: str, clauses: Sequence[str], values: Sequence[object]) -> int:
        query = f"SELECT {position} FROM {source} WHERE {' AND '.join(clauses)}"  # noqa: S608 - no values
        row = self._connection.execute(query, values).fetchone()
        if row is None:
            raise NoSuchImageError(str(values[-1]))
        return int(row[0])

    def _fact(self, name: str) -> str:
        row = self._connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return str(row["value"])

    def _described(self, rows: Sequence[sqlite3.Row]) -> list[IndexedImage]:
        thumbnails_file = self._fact("thumbnails")
        numbers = [row["number"] for row in rows]
        codes: dict[int, list[str]] = {number: [] for number in numbers}
        marks = ", ".join("?" * len(numbers))
        query = f"SELECT number, code FROM findings WHERE number IN ({marks}) ORDER BY number, code"  # noqa: S608 - question marks
        for number, code in self._connection.execute(query, numbers):
            codes[number].append(code)
        return [_image(row, codes[row["number"]], thumbnails_file) for row in rows]


@contextmanager
def open_index(path: Path) -> Iterator[DatasetIndex]:
    """Open an index that never changes; raises StorageError when it is damaged."""
    try:
        with open_read_only(path) as connection:
            yield DatasetIndex(connection)
    except (sqlite3.Error, ValueError, TypeError) as error:
        raise StorageError(f"The index of the dataset is damaged ({error}).") from error


def _image(row: sqlite3.Row, codes: list[str], thumbnails_file: str) -> IndexedImage:
    return IndexedImage(
        number=row["number"],
        id=row["id"],
        split=row["split"],
        label=row["class"],
        width=row["width"],
        height=row["height"],
        mode=row["mode"],
        format=row["format"],
        size_bytes=row["size_bytes"],
        path=row["path"],
        group=row["group_id"],
        original=Place(row["offset"], row["length"]),
        thumbnail=Place(row["thumbnail_offset"], row["thumbnail_length"]),
        thumbnails_file=thumbnails_file,
        findings=codes,
    )
