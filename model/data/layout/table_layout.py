"""Takes the class and split of each image from a table, and tells what the table and the files do not share."""

from collections import Counter
from collections.abc import Collection, Sequence

from model.data.files.characters import shorten
from model.data.layout.class_name import parse_label
from model.data.layout.columns import ONE_HOT, ReadTable
from model.data.layout.folder_names import SPLITS, find_splits, look_like_splits
from model.data.layout.layout import Layout, count_of, name_some
from model.errors import DatasetRejectedError

_MISSING = frozenset(
    ["#N/A", "<NA>", "N/A", "NA", "NAN", "NULL", "NaN", "NaT", "Nan", "None", "n/a", "nan", "null"]
)


_BOX_COLUMNS = (
    {"xmin", "ymin"},
    {"x_min", "y_min"},
    {"x1", "y1", "x2", "y2"},
    {"bbox"},
    {"xcenter", "ycenter"},
)
"""Names of columns by which a table lists boxes."""


def layout_of_tables(
    tables: Sequence[ReadTable], images: Collection[str], masks: Collection[str] = ()
) -> Layout:
    """Return the layout that the tables give to the images with these paths.

    Masks have a class only if a table lists them. There is one table, or one for each split, named by its split.

    Raises:
        DatasetRejectedError: the tables name no image, or one image twice, or a class or split has a wrong name.
    """
    names = _name(tables)
    layout = Layout({}, {}, dict.fromkeys((*images, *masks), f"not listed in {names}"))
    for table in tables:
        _check_labels(table)
        _add_rows(table, layout, table.table.split if len(tables) > 1 else None)
        layout.warnings.extend([*_warn_of_missing(table), *_warn_of_missing_labels(table)])
    if not layout.labels:
        first = next((value for table in tables for value in _listed(table)), "")
        raise DatasetRejectedError(
            f"None of the names in {names} is that of an image: the first is {shorten(first)!r}. Write the path of each image, "
            f"relative to the table's folder, or name the right column with path_column (--path-column). The table's "
            f"columns are {name_some(tables[0].table.columns, 20)}."
        )
    folder_splits = {} if layout.splits else _splits_of_folders(layout.labels)
    if folder_splits and tables[0].is_plain:
        layout.warnings.append(
            f"The folders look like train and test, but {names} names no split, so the test images were chosen anew. "
            "To keep the split, add a column split with train or test."
        )
    else:
        layout.splits.update(folder_splits)
    named = {parse_label(label) for table in tables for label in table.labels if label}
    layout.without_images.update(named - set(layout.labels.values()))
    layout.warnings.extend(_describe(tables, layout, masks))
    return layout


def _name(tables: Sequence[ReadTable]) -> str:
    names = [table.table.name for table in tables]
    return " and ".join(names if len(set(names)) == len(names) else [table.table.path for table in tables])


def _add_rows(read: ReadTable, layout: Layout, split_of_table: str | None) -> None:
    name = read.table.name
    has_splits = read.splits is not None and any(read.splits)
    for number, (image, label) in enumerate(zip(read.images, read.labels, strict=True)):
        if image is None:
            continue  # the file is missing, or was skipped for another reason
        if image in layout.labels:
            if layout.labels[image] != parse_label(label):
                raise DatasetRejectedError(
                    f"{name} lists {image!r} twice, as {layout.labels[image]!r} and as {shorten(label)!r}: keep one of its rows."
                )
            continue
        if image not in layout.unplaced:
            continue
        layout.labels[image] = parse_label(label)
        del layout.unplaced[image]
        if has_splits and read.splits is not None:
            layout.splits[image] = _parse_split(read.splits[number], image, name)
        elif split_of_table is not None:
            layout.splits[image] = split_of_table


def _check_labels(read: ReadTable) -> None:
    """Raise DatasetRejectedError with the first line whose class is missing or has a wrong name."""
    name = read.table.name
    rows = zip(read.table.line_numbers, read.labels, read.images, strict=True)
    listed = [(number, label) for number, label, image in rows if image is not None]
    if empty := [number for number, label in listed if not label]:
        raise DatasetRejectedError(
            f"Line {empty[0]} of {name} has no class in column {read.label_column} "
            f"({count_of(len(empty), 'row')} without): write a class, or remove the row."
        )
    for number, label in listed:
        try:
            parse_label(label)
        except DatasetRejectedError as error:
            raise DatasetRejectedError(f"Line {number} of {name}: {error}") from error


def _warn_of_missing_labels(read: ReadTable) -> list[str]:
    """Return a warning for labels such as NaN, which programs write for a missing value."""
    labels = Counter(label for label in read.labels if label in _MISSING)
    return [
        f"{count_of(count, 'row')} of {read.table.name} with the class {label}, which programs write for a missing value. If "
        "that is meant, remove the rows."
        for label, count in sorted(labels.items())
    ]


def _splits_of_folders(images: Collection[str]) -> dict[str, str]:
    """Return the split of each listed image when all lie in folders such as `train` and `test`."""
    parts_of = {image: image.split("/")[:-1] for image in images}
    depth = 0
    while len({tuple(parts[: depth + 1]) for parts in parts_of.values()}) == 1 and all(
        len(parts) > depth for parts in parts_of.values()
    ):
        depth += 1
    if any(len(parts) <= depth for parts in parts_of.values()):
        return {}
    folders = {parts[depth] for parts in parts_of.values()}
    splits = find_splits(folders, folders)
    if set(splits) != folders or len(set(splits.values())) < 2:
        return {}
    return {image: splits[parts[depth]] for image, parts in parts_of.items()}


def _warn_of_missing(read: ReadTable) -> list[str]:
    missing = [value for value, image in zip(_listed(read), read.images, strict=True) if image is None]
    if not missing:
        return []
    counts = f"{len(missing):,} of {count_of(len(read.images), 'row')}"
    return [f"{counts} in {read.table.name} without an image in this upload: {name_some(missing)}."]


def _listed(read: ReadTable) -> list[str]:
    column = read.table.column(read.path_column)
    return read.table.values(column) if column is not None else []


def _describe(tables: Sequence[ReadTable], layout: Layout, masks: Collection[str]) -> list[str]:
    """Return what was read, when the columns were recognised, and which images no table lists."""
    warnings = []
    first = tables[0]
    names = _name(tables)
    if not first.is_plain:
        where = "a column for each class" if first.label_column == ONE_HOT else f"column {first.label_column}"
        splits = (
            " Train and test are those of the folders or tables."
            if layout.splits and first.splits is None
            else ""
        )
        warnings.append(
            f"The classes come from {names}: {where}, with the images in column {first.path_column}.{splits}"
        )
    if boxes := sorted({table.table.name for table in tables if _has_boxes(table.table.columns)}):
        warnings.append(
            f"{name_some(boxes)} lists boxes, as for object detection. They are not used: each whole image gets one class."
        )
    classes = sorted(set(layout.labels.values()))
    if look_like_splits(classes):
        warnings.append(f"The classes in {names} are named like splits: {name_some(classes, 5)}.")
    if unlisted := sorted(layout.unplaced.keys() - set(masks)):
        count = count_of(len(unlisted), "image")
        warnings.append(f"{count} not listed in {names}, left out: {name_some(unlisted)}.")
    return warnings


def _has_boxes(columns: Collection[str]) -> bool:
    names = {column.lower() for column in columns}
    return any(corners <= names for corners in _BOX_COLUMNS)


def _parse_split(split: str, path: str, table: str) -> str:
    known = SPLITS.get(split.lower() or "train")
    if known is None:
        raise DatasetRejectedError(
            f"{table} puts {path!r} into {shorten(split, 40)!r}: use train, test or val."
        )
    return known
