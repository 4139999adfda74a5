"""Which class and split each image belongs to: from its folder, or from a labels.csv. Opens no image."""

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
"""Folder names and split values, in lower case."""


@dataclass(frozen=True)
class Layout:
    """Where images belong."""

    labels: dict[str, str]
    """Class by path."""
    splits: dict[str, str]
    """`train`, `test` or `val` by path; empty when the source has no splits."""
    unplaced: dict[str, str]
    """Reason by path, for images that belong nowhere."""


def read_folders(paths: Iterable[str]) -> Layout:
    """Place images by their folders: `<class>/…`, or `train/<class>/…` beside `test/` or `val/`.

    Folders that hold everything are looked through, so a zip of one folder of class folders works. A class
    folder may have folders of its own.
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
            layout.labels[path] = _checked_label(parts[1 if has_splits else 0])
            if split is not None:
                layout.splits[path] = split
    return layout


def read_labels(table: str, root: str, paths: Iterable[str]) -> Layout:
    """Place images by a table with the columns `path,label` and, if wanted, `split`.

    Args:
        table: the text of labels.csv.
        root: the folder that it lies in, `""` or ending in a slash; its paths start there.
        paths: the images that there are.
    """
    rows = _read_rows(table)
    layout = Layout({}, {}, dict.fromkeys(paths, f"not listed in {LABELS_FILE}"))
    has_splits = any(row.get("split") for row in rows)
    for row in rows:
        path = root + PurePosixPath(row["path"].replace("\\", "/")).as_posix()
        if path in layout.labels:
            raise DatasetRejectedError(f"{LABELS_FILE} lists {path!r} twice: keep one of its rows.")
        if path not in layout.unplaced:
            continue  # skipped for a reason of its own, or not there
        del layout.unplaced[path]
        layout.labels[path] = _checked_label(row["label"])
        if has_splits:
            layout.splits[path] = _checked_split(row["split"], path)
    return layout


def find_labels_file(paths: Iterable[str]) -> str | None:
    """The path of a labels.csv at the root, or in the one folder that holds everything."""
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
    """Rows by lower-case column, without space around values."""
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


def _checked_label(label: str) -> str:
    # macOS decomposes accents in file names, so the same class would differ between zips.
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


def _checked_split(split: str, path: str) -> str:
    known = SPLITS.get(split.lower() or "train")
    if known is None:
        raise DatasetRejectedError(
            f"{LABELS_FILE} puts {path!r} into {split[:40]!r}: use train, test or val."
        )
    return known
