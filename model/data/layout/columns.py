"""Finds the columns of a table that hold the images, their classes and their splits."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from model.data.files.characters import shorten
from model.data.import_options import ImportOptions
from model.data.layout.folder_names import SPLITS
from model.data.layout.image_index import ImageIndex
from model.data.layout.layout import name_some
from model.data.layout.table import Table
from model.errors import DatasetRejectedError

MAX_CLASSES = 1000
ONE_HOT = "for each class"
"""What stands for the label column of a table that has a column of 0 and 1 for each class."""
_SAMPLED_ROWS = 500
"""The column of the images is chosen by this number of rows: some tables have hundreds of columns."""
_PATH_NAMES = (
    "path",
    "file_path",
    "filepath",
    "file",
    "file_name",
    "filename",
    "image_path",
    "image",
    "image_name",
)
_LABEL_NAMES = (
    frozenset(
        [
            "breed",
            "category",
            "category_name",
            "class",
            "class_label",
            "class_name",
            "classes",
            "classname",
            "diagnosis",
            "dx",
            "label",
            "label_name",
            "labels",
            "species",
            "target",
            "variety",
        ]
    ),
    frozenset(["class_id", "classid", "label_id", "level", "tag", "type", "y"]),
)
"""Names of columns with classes; those of the second set mean something else where one of the first set is there."""
_INDEX_NAMES = ("", "unnamed: 0", "index")
"""Names of a column that counts the rows, as pandas writes it."""
_SPLIT_NAMES = ("split", "subset", "partition", "set", "phase")


@dataclass(frozen=True)
class ReadTable:
    """What a table says about the images."""

    table: Table
    path_column: str
    label_column: str
    images: list[str | None]
    """The image that each row names; None for a row that names no image of the source."""
    labels: list[str]
    splits: list[str] | None
    """The value of each row in the column of the splits; None without such a column."""
    is_plain: bool
    """Whether it is a labels.csv with the columns path and label, as the documentation describes it."""

    @property
    def found(self) -> int:
        """Number of different images that the table names."""
        return len(set(self.images) - {None})


@dataclass(frozen=True)
class UnclearTable:
    """A table whose columns for images or classes cannot be known, and why."""

    table: Table
    reason: str
    """A clause such as `column imageName names the images, and any of … may hold the classes`."""
    lists_images: bool
    path_column: str = "id"


def read_columns(
    table: Table, index: ImageIndex, options: ImportOptions, images: int
) -> ReadTable | UnclearTable:
    """Find the columns, unless the options name them; `images` is the number of images in the source.

    Raises:
        DatasetRejectedError: the table lacks a column that the options name.
    """
    is_plain = table.column("path") is not None and table.column("label") is not None
    table = _with_header(table, index)
    path = _named(table, options.path_column)
    if path is None:
        path = table.column("path") if is_plain else _find_path_column(table, index)
    found = index.find_all(table.values(path), table.folder, are_paths=is_plain) if path is not None else []
    distinct = len(set(found) - {None})
    if path is None or not (options.path_column or is_plain or 2 * distinct >= min(len(table.rows), images)):
        return UnclearTable(
            table, f"no column of {table.name} names the images ({name_some(table.columns, 8)})", False
        )
    split = _find_split_column(table, path, options)
    labels = _find_labels(table, path, split, options)
    if isinstance(labels, UnclearTable):
        return labels
    return ReadTable(
        table,
        table.columns[path],
        labels[0],
        found,
        labels[1],
        table.values(split) if split is not None else None,
        is_plain and not options.names_a_table,
    )


def _named(table: Table, name: str | None) -> int | None:
    """Return the column that an option names."""
    if name is None:
        return None
    column = table.column(name)
    if column is None:
        raise DatasetRejectedError(
            f"{table.name} has no column {shorten(name)!r}: its columns are {name_some(table.columns, 20)}."
        )
    return column


def _with_header(table: Table, index: ImageIndex) -> Table:
    """Number the columns of a table whose first line names an image and no column."""
    if any(index.find_all([value], table.folder) != [None] for value in table.columns):
        columns = [str(number) for number in range(1, len(table.columns) + 1)]
        rows, line_numbers = [table.columns, *table.rows], [1, *table.line_numbers]
        return replace(table, columns=columns, rows=rows, line_numbers=line_numbers)
    return table


def _find_path_column(table: Table, index: ImageIndex) -> int | None:
    """Return the column whose values name the most images of a sample of the rows."""
    step = max(1, len(table.rows) // _SAMPLED_ROWS)

    def rank(column: int) -> tuple[int, int, int]:
        found = index.find_all(table.values(column)[::step], table.folder)
        name = table.columns[column].lower()
        by_name = len(_PATH_NAMES) - _PATH_NAMES.index(name) if name in _PATH_NAMES else 0
        return len(set(found) - {None}), by_name, -column

    best = max(range(len(table.columns)), key=rank, default=None)
    return best if best is not None and rank(best)[0] else None


def _find_split_column(table: Table, path: int, options: ImportOptions) -> int | None:
    named = _named(table, options.split_column)
    if named is not None:
        return named
    for name in _SPLIT_NAMES:
        column = table.column(name)
        if column is not None:
            values = {value.lower() for value in table.values(column)}
            if name == "split" or (values <= {"", *SPLITS} and values != {""}):
                return column if values != {""} else None
    others = [column for column in range(len(table.columns)) if column != path]
    found = [column for column in others if _holds_splits(table.values(column))]
    return found[0] if len(found) == 1 and len(others) > 1 else None


def _holds_splits(values: Sequence[str]) -> bool:
    """Whether the values are names of splits alone, train and others."""
    names = {value.lower() for value in values}
    return names <= SPLITS.keys() and "train" in {SPLITS[name] for name in names} and len(names) > 1


def _find_labels(
    table: Table, path: int, split: int | None, options: ImportOptions
) -> tuple[str, list[str]] | UnclearTable:
    """Return the name of the column of the classes and the class of each row."""
    named = _named(table, options.label_column)
    if named is not None:
        return table.columns[named], table.values(named)
    others = [
        column
        for column, name in enumerate(table.columns)
        if column not in (path, split) and name.lower() not in _INDEX_NAMES
    ]
    by_name = (
        [column for column in others if table.columns[column].lower() in names] for names in _LABEL_NAMES
    )
    known = next(filter(None, by_name), [])
    if len(others) == 1:
        known = others
    known = _without_numbers_of_names(table, known)
    if len(known) == 1:
        return table.columns[known[0]], table.values(known[0])
    if not known and (one_hot := _read_one_hot(table, others)) is not None:
        return ONE_HOT, one_hot
    if (several := _count_several(table, others)) and not known:
        columns = name_some([table.columns[column] for column in others], 5)
        reason = (
            f"{several} of {len(table.rows)} rows of {table.name} have a 1 in none or several of the columns {columns}: an image has "
            "one class, so that each row needs one 1"
        )
        return UnclearTable(table, reason, lists_images=True, path_column=table.columns[path])
    if not others:
        reason = (
            f"{table.name} has a column for the images ({table.columns[path]}) and none for their classes"
        )
        return UnclearTable(table, reason, lists_images=False)
    counts = {column: len(set(table.values(column))) for column in known or others}
    shown = [
        f"{table.columns[column]} ({count} values)"
        for column, count in counts.items()
        if 1 < count <= min(MAX_CLASSES, max(2, len(table.rows) // 2))
    ]
    reason = f"column {table.columns[path]} of {table.name} names the images, and any of these columns may hold the classes: {name_some(shown or table.columns, 8)}"
    return UnclearTable(table, reason, lists_images=True, path_column=table.columns[path])


def _without_numbers_of_names(table: Table, columns: list[int]) -> list[int]:
    """Of two columns that say the same, one as a number and one as a name, keep the name."""
    if len(columns) != 2:
        return columns
    first, second = (table.values(column) for column in columns)
    if not len(set(first)) == len(set(second)) == len(set(zip(first, second, strict=True))):
        return columns
    return [columns[1] if all(value.isdigit() for value in first) else columns[0]]


def _read_one_hot(table: Table, columns: Sequence[int]) -> list[str] | None:
    """Return the class of each row when there is a column for each class, with a 1 in one of them and 0 in the others."""
    if len(columns) < 2 or not table.rows:
        return None
    marked = [_ones(row, columns) for row in table.rows]
    if any(ones is None or len(ones) != 1 for ones in marked):
        return None
    return [table.columns[ones[0]] for ones in marked if ones]


def _ones(row: Sequence[str], columns: Sequence[int]) -> list[int] | None:
    """Return the columns of a row that hold a 1; None unless the others hold a 0."""
    ones = [column for column in columns if row[column] in ("1", "1.0", "True", "true")]
    zeros = [column for column in columns if row[column] in ("0", "0.0", "False", "false")]
    return ones if len(ones) + len(zeros) == len(columns) else None


def _count_several(table: Table, columns: Sequence[int]) -> int:
    """Count the rows with a 1 in none or several columns, of a table that has columns of 0 and 1 for several classes."""
    marked = [_ones(row, columns) for row in table.rows]
    if len(columns) < 2 or any(ones is None for ones in marked):
        return 0
    return sum(len(ones) != 1 for ones in marked if ones is not None)
