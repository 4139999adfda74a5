"""Decides whether the classes of an import come from its folders or from a table. Opens no image but possible masks."""

from collections.abc import Sequence
from shlex import quote

from model.data.archive import LABELS_FILE, Source, SourceFile
from model.data.examination import ExaminedImage
from model.data.files.characters import make_printable, shorten
from model.data.files.file_endings import is_image_name, is_table
from model.data.import_options import ImportOptions
from model.data.layout.columns import MAX_CLASSES, ReadTable, UnclearTable, read_columns
from model.data.layout.folders import FolderLayout, read_folders
from model.data.layout.image_index import ImageIndex
from model.data.layout.layout import Layout, name_some
from model.data.layout.listed_images import place_listed_images
from model.data.layout.mask_names import find_named_masks
from model.data.layout.masks import MaskFinder, warn_of_masks
from model.data.layout.table import find_labels_files, read_table
from model.data.layout.table_layout import layout_of_tables
from model.errors import DatasetRejectedError

MESSAGE_CHARACTERS = 4000
_MOST_TABLES = 10
_HOW_TO_SAY = (
    "Put the images into one folder for each class, or say where the classes are: --labels {} --path-column {} "
    "--label-column {} on the command line, labels, path_column and label_column in the API."
)


class LayoutReader:
    """Reads the layout of one source."""

    def __init__(self, source: Source, examined: Sequence[ExaminedImage], options: ImportOptions) -> None:
        """`examined` are the images of the source that can be read."""
        self._options = options
        self._files = source.files
        self._tables = [file for file in source.files if is_table(file.path)]
        self._masks, self._unclear_masks = MaskFinder(examined).find()
        self._images = [image.file.path for image in examined if image.file.path not in self._masks]
        readable = {image.file.path for image in examined}
        self._unreadable = [
            path
            for path in (*(file.path for file in source.files), *(file.path for file in source.skipped))
            if path not in readable and is_image_name(path)
        ]
        self._empty_folders = [f"{folder}/" for folder in source.empty_folders]
        # The row of an image that cannot be read is not a row without a file.
        self._index = ImageIndex([*self._images, *self._unreadable], self._masks)

    def read(self) -> Layout:
        """Return the class and split of each image.

        Raises:
            DatasetRejectedError: a table is wrong, or the folders hold images and certainly are no classes.
        """
        try:
            layout = self._read()
        except DatasetRejectedError as error:  # it may show names of files and columns
            raise DatasetRejectedError(shorten(make_printable(str(error)), MESSAGE_CHARACTERS)) from error
        # A table may list a mask as an image.
        masks = {mask: photo for mask, photo in self._masks.items() if mask not in layout.labels}
        layout.unplaced.update({mask: f"a mask of {photo}" for mask, photo in masks.items()})
        unclear = [path for path in self._unclear_masks if path in layout.labels]
        if not self._options.names_a_table:
            unclear = sorted({*unclear, *find_named_masks(layout.labels)})
        layout.warnings.extend(warn_of_masks(masks, unclear))
        return layout

    def _read(self) -> Layout:
        if self._options.names_a_table:
            return self._from_tables(self._named_tables())
        folders = read_folders(
            self._images,
            [*self._unreadable, *self._empty_folders],
            class_is_inner=self._options.class_folder == "inner",
        )
        if labels_files := self._labels_files():
            tables = [self._columns(file) for file in labels_files]
            certain = [table for table in tables if isinstance(table, ReadTable)]
            if len(tables) > 1 and len(certain) == len(tables) and _are_splits(certain):
                return self._from_tables(certain)
            read = tables[0]
            if isinstance(read, ReadTable) and (read.is_plain or _holds_classes(read)):
                return self._from_tables([read])
            if folders.doubt is not None:
                raise DatasetRejectedError(
                    f"The first line of {LABELS_FILE} must name the columns path,label or path,label,split, or others that "
                    f"can be recognised. {self._describe_doubt(folders, [read])}"
                )
            reason = read.reason if isinstance(read, UnclearTable) else "it names too few classes"
            folders.layout.warnings.append(f"{LABELS_FILE} was not used, because {reason}.")
            return folders.layout
        return self._from_other_tables(folders)

    def _from_other_tables(self, folders: FolderLayout) -> Layout:
        """Use tables of any name when the folders are not those of classes; otherwise compare the two."""
        read = [table for file in self._nearest_tables() if (table := self._try_columns(file)) is not None]
        holding = [table for table in read if isinstance(table, ReadTable) and _holds_classes(table)]
        # A table with a row without a class is refused with that row, unless another table is complete.
        useful = [table for table in holding if all(table.labels)] or holding
        if folders.doubt is None:
            folders.layout.warnings.extend(_warn_of_disagreement(folders.layout, useful))
            place_listed_images(folders.layout, useful)
            return folders.layout
        if len(useful) == 1 or (useful and _are_splits(useful)):
            return self._from_tables(useful)
        listing = [table for table in read if isinstance(table, ReadTable) or table.lists_images]
        if folders.is_impossible or listing:
            raise DatasetRejectedError(self._describe_doubt(folders, listing))
        if len(set(folders.layout.labels.values())) > 1:
            folders.layout.warnings.append(f"{folders.doubt}. {_say_how(())}")
        return folders.layout

    def _describe_doubt(self, folders: FolderLayout, tables: Sequence[ReadTable | UnclearTable]) -> str:
        clauses = [f"{folders.doubt}", *map(_describe_table, tables)]
        return f"The classes are not certain. {'; '.join(clauses)}. {_say_how(tables)}"

    def _from_tables(self, tables: Sequence[ReadTable]) -> Layout:
        return layout_of_tables(tables, self._images, self._masks)

    def _labels_files(self) -> list[SourceFile]:
        paths = find_labels_files(file.path for file in self._tables)
        return [file for file in self._tables if file.path in paths]

    def _named_tables(self) -> list[ReadTable]:
        """Return the table that the options name, or the only one, or one for each split."""
        if self._options.labels is None:
            tables = self._labels_files()[:1] or self._nearest_tables()
        else:
            wanted = self._options.labels.replace("\\", "/").removeprefix("./").strip("/")
            tables = [file for file in self._files if f"/{file.path}".endswith(f"/{wanted}")]
            tables = [file for file in tables if file.path == wanted] or tables
        if len(tables) == 1:
            return [self._certain(tables[0])]
        read = [table for file in tables if isinstance(table := self._try_columns(file), ReadTable)]
        if len(read) == 1 or (read and _are_splits(read)):
            return read
        listed = name_some([file.path for file in self._tables], 10) or "none"
        raise DatasetRejectedError(
            f"Which table lists the classes? Name one of the .csv and .tsv files in labels (--labels): {listed}."
        )

    def _nearest_tables(self) -> list[SourceFile]:
        return sorted(self._tables, key=lambda file: (file.path.count("/"), file.path))[:_MOST_TABLES]

    def _columns(self, file: SourceFile) -> ReadTable | UnclearTable:
        return read_columns(read_table(file), self._index, self._options, len(self._images))

    def _try_columns(self, file: SourceFile) -> ReadTable | UnclearTable | None:
        try:
            return self._columns(file)
        except DatasetRejectedError:
            return None  # it is some other table

    def _certain(self, file: SourceFile) -> ReadTable:
        read = self._columns(file)
        if isinstance(read, UnclearTable):
            raise DatasetRejectedError(
                f"It is not certain what to read: {read.reason}. Name the columns with path_column and label_column "
                "(--path-column, --label-column)."
            )
        return read


def _say_how(tables: Sequence[ReadTable | UnclearTable]) -> str:
    if len(tables) == 1:
        return _HOW_TO_SAY.format(quote(tables[0].table.path), quote(tables[0].path_column), "COLUMN")
    return _HOW_TO_SAY.format("FILE", "id", "breed")


def _describe_table(table: ReadTable | UnclearTable) -> str:
    if isinstance(table, UnclearTable):
        return table.reason
    listed = f"{table.table.path} lists {table.found} of the images, in column {table.path_column}"
    return f"{listed}, with {len(set(table.labels))} different values in column {table.label_column}"


def _holds_classes(read: ReadTable) -> bool:
    """Whether the labels of the images that a table names can be classes: several, with several images each."""
    pairs = zip(read.labels, read.images, strict=True)
    labels = [label for label, image in pairs if image is not None and label]
    return 2 <= len(set(labels)) <= MAX_CLASSES and len(set(labels)) < len(labels)


def _are_splits(tables: Sequence[ReadTable]) -> bool:
    """Whether the tables are named by different splits and name different images."""
    splits = {table.table.split for table in tables}
    images = [image for table in tables for image in set(table.images) if image is not None]
    return (
        len(splits) == len(tables)
        and "train" in splits
        and None not in splits
        and len(set(images)) == len(images)
    )


def _warn_of_disagreement(layout: Layout, tables: Sequence[ReadTable]) -> list[str]:
    """Return a warning for each table that lists the images in other classes than those of the folders."""
    warnings = []
    for read in tables:
        pairs = {
            (layout.labels[image], label)
            for image, label in zip(read.images, read.labels, strict=True)
            if image in layout.labels
        }
        folders, labels = {folder for folder, _ in pairs}, {label for _, label in pairs}
        if pairs and max(len(folders), len(labels)) < len(pairs):
            warnings.append(
                f"The classes are the folders ({name_some(sorted(folders))}), but {read.table.name} lists {read.found} of the "
                f"images with other classes in column {read.label_column} ({name_some(sorted(labels))}). To use the table: "
                f"labels={read.table.path} (--labels {read.table.path})."
            )
    return warnings
