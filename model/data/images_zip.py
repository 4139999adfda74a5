"""Writes the images of a dataset as one zip, and says where the bytes of each image lie in it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from model.data.files.place import Place
from model.data.placement import PlacedImage

EXTENSIONS = {"JPEG": "jpg", "MPO": "jpg", "PNG": "png", "WEBP": "webp", "GIF": "gif", "BMP": "bmp"}
ZIP_TIME = (1980, 1, 1, 0, 0, 0)
"""The modification time of every file in the zip, so that equal images make equal zips. Zip files know no earlier time."""
_HEADER_BYTES = 30
"""Size of the header of a file in a zip, without the file's name."""


@dataclass(frozen=True)
class ZipEntry:
    """A file of the zip."""

    name: str
    data: Place


def entries(placed: Sequence[PlacedImage]) -> Iterator[ZipEntry]:
    """Yield the files of the zip in their order. Images are uncompressed and named by their content."""
    copies: Counter[str] = Counter()
    end = 0
    for image in placed:
        stem = f"{image.split}/{image.label}/{image.examined.digest}"
        copies[stem] += 1
        number = "" if copies[stem] == 1 else f"-{copies[stem]}"
        name = f"{stem}{number}.{EXTENSIONS[image.examined.facts.format]}"
        start = end + _HEADER_BYTES + len(name.encode())
        end = start + image.examined.size_bytes
        yield ZipEntry(name, Place(start, image.examined.size_bytes))


def write_zip(file: BinaryIO, placed: Sequence[PlacedImage]) -> None:
    """Write the images, which are sorted, so that equal datasets make equal zips."""
    with ZipFile(file, "w", ZIP_STORED) as archive:
        for image, entry in zip(placed, entries(placed), strict=True):
            info = ZipInfo(entry.name, ZIP_TIME)
            info.create_system, info.external_attr = 3, 0o644 << 16
            archive.writestr(info, image.examined.read_again())
