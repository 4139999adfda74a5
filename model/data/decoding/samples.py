"""The values of 16-bit images, which often use fewer bits, such as the 12 bits of an X-ray."""

from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_MIN_BITS = 8


def has_wide_samples(image: Image.Image) -> bool:
    """Whether the file has 16-bit values; false once it is loaded, if it is in colour or has an alpha channel."""
    return image.mode.startswith("I;16") or _raw_mode(image).endswith(";16B")


def count_bits(image: Image.Image) -> int:
    """Return the bits, 8 to 16, that the largest value of a loaded 16-bit image needs."""
    if image.mode.startswith("I;16"):
        return max(_MIN_BITS, int(np.asarray(image).max()).bit_length())
    # Pillow keeps the upper byte of each colour value.
    return _MIN_BITS + int(np.asarray(image)[..., :3].max()).bit_length()


def scale_to_bytes(values: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    """Scale values of this number of bits to 0..255; larger values become 255."""
    shifted = values >> (bits - _MIN_BITS)
    # In place, to save the memory of a second copy of 64 million numbers.
    return np.clip(shifted, 0, 255, out=shifted).astype(np.uint8)


def rescale_colours(image: Image.Image, data: bytes, bits: int) -> Image.Image:
    """Return a loaded 16-bit colour PNG, of which Pillow keeps the upper bytes, with values of this number of bits scaled.

    Args:
        image: RGB or RGBA.
        data: the PNG.
        bits: bits that the values use.
    """
    upper = np.array(image)
    values = upper[..., :3].astype(np.uint16) << 8 | _lower_bytes(data)
    upper[..., :3] = scale_to_bytes(values, bits)
    return Image.fromarray(upper)


def _lower_bytes(data: bytes) -> NDArray[np.uint8]:
    """Return the lower byte of each colour value of a 16-bit PNG: [height, width, 3], or [height, width, 1] of a grey one."""
    with Image.open(BytesIO(data), formats=("PNG",)) as image:
        [tile] = image.tile
        is_grey = _raw_mode(image).startswith("LA")
        # Grey and alpha have four bytes a pixel, of which the second is the lower byte of grey. Read in the other byte
        # order, Pillow keeps the lower bytes of the colours.
        raw_mode = "RGBA" if is_grey else _raw_mode(image).replace("16B", "16L")
        image.tile = [tile._replace(args=raw_mode)]
        pixels = np.asarray(image)
    return pixels[..., 1:2] if is_grey else pixels[..., :3]


def _raw_mode(image: Image.Image) -> str:
    """Return how the pixels of a PNG that is not loaded are stored, such as `RGB;16B`."""
    modes = [tile.args for tile in getattr(image, "tile", []) if tile.codec_name == "zip"]
    return modes[0] if modes and isinstance(modes[0], str) else ""
