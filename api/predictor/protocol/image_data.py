"""One image on its way from the API to the predictor."""

from dataclasses import dataclass

Bytes = bytes | bytearray


@dataclass(frozen=True)
class ImageData:
    """An image file, or the pixels of an image."""

    data: Bytes
    height_width: tuple[int, int] | None = None
    """If `data` holds RGB pixels, row by row from the top, 3 bytes each."""
