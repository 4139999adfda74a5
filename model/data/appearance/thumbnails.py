"""Makes thumbnails while images are decoded and keeps them in a file, so that memory does not grow with the images."""

from io import BytesIO
from pathlib import Path
from typing import Self

from PIL import Image

from model.data.files.place import Place

THUMBNAIL_SIDE = 160
"""The longest side of a thumbnail in pixels; a smaller image is not enlarged."""
_QUALITY = 75
_METHOD = 2
"""WebP's effort, 0 to 6. 4 makes a photo 7 % smaller and takes twice as long."""


def reduce(image: Image.Image) -> Image.Image:
    """Return an RGB image in the size of its thumbnail: the image itself if it is small enough."""
    scale = min(1.0, THUMBNAIL_SIDE / max(image.size))
    if scale == 1.0:
        return image
    size = max(1, round(scale * image.width)), max(1, round(scale * image.height))
    return image.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)


def encode_thumbnail(small: Image.Image) -> bytes:
    """Return the pixels as WebP; nothing else of the image, such as its metadata, is kept."""
    file = BytesIO()
    small.save(file, "WEBP", quality=_QUALITY, method=_METHOD, exif=b"", icc_profile=b"", xmp=b"")
    return file.getvalue()


class ThumbnailFile:
    """A file of thumbnails, one after the other."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("x+b")
        self._end = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def append(self, thumbnail: bytes) -> Place:
        """Return the place of the thumbnail."""
        place = Place(self._end, len(thumbnail))
        self._file.seek(place.offset)
        self._file.write(thumbnail)
        self._end += len(thumbnail)
        return place

    def read(self, place: Place) -> bytes:
        """Return the thumbnail at a place."""
        self._file.seek(place.offset)
        return self._file.read(place.length)
