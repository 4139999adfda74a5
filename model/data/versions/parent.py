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
def open_parent(path: Path, name: str) -> Iterator[list[ParentImage]]:
    """Open the zip of a dataset's images, which can be read while the block runs.

    Args:
        path: the zip as it is stored.
        name: the dataset's name. The paths of its images begin with a slash and the name: no upload has such paths.
    """
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
                    SourceFile(f"/{name}/{entry.filename}", entry.file_size, partial(_read, archive, entry)),
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
