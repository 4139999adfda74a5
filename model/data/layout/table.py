"""Reads a table of image names and classes, as people and programs write them. Knows no images."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass

from model.data.archive import LABELS_FILE, SourceFile
from model.data.layout.folder_names import split_of
from model.errors import DatasetRejectedError, ImageError

_DELIMITERS = ",;\t|"


@dataclass(frozen=True)
class Table:
    """A table; every row has a value for each column, without surrounding spaces."""

    path: str
    """Path in the source."""
    columns: list[str]
    """The names in the first line."""
    rows: list[list[str]]
    line_numbers: list[int]
    """The line of each row in the file, from 1."""

    @property
    def name(self) -> str:
        """The file's name, for messages."""
        return self.path.rpartition("/")[2]

    @property
    def folder(self) -> str:
        """The folder of the table; `""` or ending in a slash."""
        return self.path.removesuffix(self.name)

    @property
    def split(self) -> str | None:
        """The split that the name of the table, or of its folder, stands for: `train.csv`, `valid/_classes.csv`."""
        folder = self.folder.rstrip("/").rpartition("/")[2]
        return split_of(self.name.rpartition(".")[0]) or split_of(folder)

    def column(self, name: str) -> int | None:
        """Return the index of the column with this name; upper and lower case do not differ."""
        wanted = name.strip().lower()
        return next((index for index, column in enumerate(self.columns) if column.lower() == wanted), None)

    def values(self, column: int) -> list[str]:
        """Return the values of a column."""
        return [row[column] for row in self.rows]


def find_labels_files(paths: Iterable[str]) -> list[str]:
    """Return the paths of the labels.csv nearest to the root, which is at the root or in folders of the root."""
    candidates = [
        path for path in paths if path.split("/")[-1].lower() == LABELS_FILE and path.count("/") <= 1
    ]
    depth = min((path.count("/") for path in candidates), default=0)
    return [path for path in candidates if path.count("/") == depth]


def read_table(file: SourceFile) -> Table:
    """Parse a table whose values are separated by commas, semicolons, tabs or bars.

    Raises:
        DatasetRejectedError: the file is no such table, or not in UTF-8 or UTF-16.
    """
    name = file.path.rpartition("/")[2]
    lines = _split_lines(_decode(file, name), name)
    columns = lines[0] if lines else []
    for number, line in enumerate(lines[1:], start=2):
        if line and len(line) != len(columns):
            raise DatasetRejectedError(
                f"Line {number} of {name} has {len(line)} values where {len(columns)} are needed."
            )
    filled = [(number, line) for number, line in enumerate(lines[1:], start=2) if line]
    return Table(file.path, columns, [line for _, line in filled], [number for number, _ in filled])


def _decode(file: SourceFile, name: str) -> str:
    try:
        data = file.read()
        return data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except ImageError as error:
        raise DatasetRejectedError(f"{name} cannot be read: {error}") from error
    except UnicodeDecodeError as error:
        raise DatasetRejectedError(f"{name} is not UTF-8 text: save it as UTF-8.") from error


def _split_lines(text: str, name: str) -> list[list[str]]:
    file = io.StringIO(text, newline="")  # str.splitlines would also break lines at U+2028 and U+0085
    delimiter = max(_DELIMITERS, key=file.readline().count)
    file.seek(0)
    try:
        return [
            [value.strip() for value in line] for line in csv.reader(file, strict=True, delimiter=delimiter)
        ]
    except csv.Error as error:
        raise DatasetRejectedError(f"{name} is not a table of comma-separated values: {error}.") from error
