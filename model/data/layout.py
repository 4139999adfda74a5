"""Determines the class and split of each image, from its folder or from a labels.csv. Opens no image."""

import csv
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from model.errors import DatasetRejectedError

LABELS_FILE = "labels.csv"
LABEL_MAX_LENGTH = 100
SPLITS = {
    "train": "train",
    "training": "train",
    "test": "test",
    "testing": "test",
    "val": "val",
    "valid": "val",
    "validation": "val",
}
"""The split that each folder name or value of the column `split` stands for; the names are in lower case."""


@dataclass(frozen=True)
class Layout:
    """The class and split of each image, by path."""

    labels: dict[str, str]
    """The class of each image."""
    splits: dict[str, str]
    """`train`, `test` or `val` for each image; empty when the source has no splits."""
    unplaced: dict[str, str]
    """The images without a class, with the reason."""


def read_folders(paths: Iterable[str]) -> Layout:
    """Take class and split from the folders: `<class>/…`, or `train/<class>/…` beside `test/` or `val/`.

    Outer folders that contain all files are ignored, so a zip may contain one folder with the class folders. Class
    folders may contain subfolders.
    """
    parts_of = _without_common_folders({path: path.split("/") for path in paths})
    has_splits = any(
        len(parts) > 2 and SPLITS.get(parts[0].lower()) == "train" for parts in parts_of.values()
    )
    layout = Layout({}, {}, {})
    for path, parts in parts_of.items():
        split = SPLITS.get(parts[0].lower()) if has_splits else None
        if has_splits and split is None:
            layout.unplaced[path] = "outside the folders train, test and val"
        elif len(parts) < (3 if has_splits else 2):
            layout.unplaced[path] = "not in the folder of a class"
        else:
            layout.labels[path] = _parse_label(parts[1 if has_splits else 0])
            if split is not None:
                layout.splits[path] = split
    return layout


def read_labels(table: str, root: str, paths: Iterable[str]) -> Layout:
    """Take class and split from a table with the columns `path`, `label` and, optionally, `split`.

    Args:
        table: the text of labels.csv.
        root: the folder of labels.csv, which the paths in the table are relative to; `""` or ending in a slash.
        paths: the images of the source.
    """
    rows = _read_rows(table)
    layout = Layout({}, {}, dict.fromkeys(paths, f"not listed in {LABELS_FILE}"))
    has_splits = any(row.get("split") for row in rows)
    for row in rows:
        path = root + PurePosixPath(row["path"].replace("\\", "/")).as_posix()
        if path in layout.labels:
            raise DatasetRejectedError(f"{LABELS_FILE} lists {path!r} twice: keep one of its rows.")
        if path not in layout.unplaced:
            continue  # the file is missing, or was skipped for another reason
        del layout.unplaced[path]
        layout.labels[path] = _parse_label(row["label"])
        if has_splits:
            layout.splits[path] = _parse_split(row["split"], path)
    return layout


def find_labels_file(paths: Iterable[str]) -> str | None:
    """Return the path of the labels.csv, which must be at the root or in a folder of the root."""
    candidates = [path for path in paths if path.split("/")[-1].lower() == LABELS_FILE]
    nearest = min(candidates, key=lambda path: path.count("/"), default=None)
    return nearest if nearest is not None and nearest.count("/") <= 1 else None


def _without_common_folders(parts_of: dict[str, list[str]]) -> dict[str, list[str]]:
    while parts_of and min(len(parts) for parts in parts_of.values()) > 2:
        if len({parts[0] for parts in parts_of.values()}) > 1:
            break
        parts_of = {path: parts[1:] for path, parts in parts_of.items()}
    return parts_of


def _read_rows(table: str) -> list[dict[str, str]]:
    """Parse the table to one dict per row, with lower-case column names and values without surrounding spaces."""
    try:
        lines = [[value.strip() for value in line] for line in csv.reader(table.splitlines(), strict=True)]
    except csv.Error as error:
        raise DatasetRejectedError(
            f"{LABELS_FILE} is not a table of comma-separated values: {error}."
        ) from error
    columns = [column.lower() for column in lines[0]] if lines else []
    if not {"path", "label"} <= set(columns):
        raise DatasetRejectedError(
            f"The first line of {LABELS_FILE} must name the columns path,label or path,label,split; it is "
            f"{','.join(columns)[:80]!r}."
        )
    for number, line in enumerate(lines[1:], start=2):
        if line and len(line) != len(columns):
            raise DatasetRejectedError(
                f"Line {number} of {LABELS_FILE} has {len(line)} values where {len(columns)} are needed."
            )
    return [dict(zip(columns, line, strict=True)) for line in lines[1:] if line]


def _parse_label(label: str) -> str:
    # macOS decomposes accents in file names, so class names from different systems would differ without NFC.
    name = unicodedata.normalize("NFC", label).strip()
    if (
        not 0 < len(name) <= LABEL_MAX_LENGTH
        or not name.isprintable()
        or name[0] == "."
        or set(name) & set("/\\")
    ):
        raise DatasetRejectedError(
            f"{label[:80]!r} cannot be the name of a class: use 1 to {LABEL_MAX_LENGTH} printable characters, no "
            "slashes, and no dot at the start."
        )
    return name


def _parse_split(split: str, path: str) -> str:
    known = SPLITS.get(split.lower() or "train")
    if known is None:
        raise DatasetRejectedError(
            f"{LABELS_FILE} puts {path!r} into {split[:40]!r}: use train, test or val."
        )
    return known
