"""Reads the images of the dataset that a version corrects, with their ids, classes and splits."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast
from zipfile import BadZipFile, ZipFile, ZipInfo

from model.data.archive import SourceFile
from model.data.files.image_ids import image_ids
from model.data.report.index_file import open_read_only
from model.data.split import SplitName
from model.errors import DatasetRejectedError, ImageError


@dataclass(frozen=True)
class ParentImage:
    """An image of the dataset that is corrected."""

    id: str
    split: SplitName
    label: str
    digest: str
    file: SourceFile


@contextmanager
def open_parent(path: Path, name: str, index: Path | None = None) -> Iterator[list[ParentImage]]:
    """Open the zip of a dataset's images, which can be read while the block runs.

    Args:
        path: the zip as it is stored.
        name: the dataset's name. The paths of its images begin with a slash and the name: no upload has such paths.
        index: its index, which tells the path of each image in its upload.
    """
    known_as = _read_paths(index) if index else {}
    try:
        with ZipFile(path) as archive:
            entries = archive.infolist()
            parts = [entry.filename.split("/") for entry in entries]
            digests = [file.partition(".")[0].partition("-")[0] for _, _, file in parts]
            yield [
                ParentImage(
                    image_id,
                    cast("SplitName", split),
                    label,
                    digest,
                    SourceFile(
                        f"/{name}/{entry.filename}",
                        entry.file_size,
                        partial(_read, archive, entry),
                        known_as.get(image_id, f"{name}/{split}/{label}/{image_id}"),
                    ),
                )
                for entry, (split, label, _), digest, image_id in zip(
                    entries, parts, digests, image_ids(digests), strict=True
                )
            ]
    except (BadZipFile, ValueError) as error:
        raise DatasetRejectedError(
            f"The stored images of {name} are damaged ({error}): add its folder again under another name."
        ) from error


def _read(archive: ZipFile, entry: ZipInfo) -> bytes:
    try:
        return archive.read(entry)
    except (BadZipFile, OSError) as error:
        raise ImageError(f"is damaged in storage: {error}") from error


def _read_paths(index: Path) -> dict[str, str]:
    """Return the path of each image in its upload, by id."""
    with open_read_only(index) as connection:
        rows = connection.execute("SELECT id, path FROM images")
        return {row["id"]: row["path"] for row in rows}
