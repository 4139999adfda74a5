"""Zips of small real pictures whose bytes depend on a seed alone, so that a repeated upload is the same upload."""

import io
from zipfile import ZipFile, ZipInfo

from tests.model.pictures import png

CLASSES = ("cat", "dog")
MIN_FILES = 20
"""Fewer pictures make no usable dataset."""


def zip_of_pictures(seed: int, files: int = MIN_FILES) -> bytes:
    """Return a zip with `files` pictures, half of each class; each seed gives other pictures."""
    data = io.BytesIO()
    with ZipFile(data, "w") as archive:
        for number in range(files):
            # An entry that is made from a path alone has a fixed time.
            archive.writestr(ZipInfo(f"{CLASSES[number % 2]}/{number}.png"), png(seed * 1000 + number))
    return data.getvalue()
