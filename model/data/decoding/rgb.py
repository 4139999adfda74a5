"""Converts images of every Pillow mode to RGB."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from model.data.decoding.samples import scale_to_bytes
from model.errors import ImageError
from model.spec import FULL_BITS


def to_rgb(image: Image.Image, *, sample_bits: int = FULL_BITS) -> Image.Image:
    """Convert any Pillow mode to RGB.

    Transparent pixels are blended with white, except in a BMP without any opaque pixel: the programs that wrote it did
    not set the alpha channel.

    Args:
        image: a loaded image.
        sample_bits: bits that the values of 16-bit images use; they are scaled to 8 bits.
    """
    if image.mode == "RGB" and not image.has_transparency_data:
        return image
    if image.mode.startswith("I;16") or image.mode == "I":
        return _from_bytes(scale_to_bytes(np.asarray(image), sample_bits))
    if image.mode == "F":
        return _from_floats(np.array(image))
    if image.mode == "LAB":
        return _from_lab(image)
    return _blend(image) if image.has_transparency_data else image.convert("RGB")


def _blend(image: Image.Image) -> Image.Image:
    rgba = image if image.mode == "RGBA" else image.convert("RGBA")
    alpha = rgba.getchannel("A")
    if image.format == "BMP" and alpha.getbbox() is None:
        return rgba.convert("RGB")
    canvas = Image.new("RGB", rgba.size, "white")
    canvas.paste(rgba, mask=alpha)
    return canvas


def _from_floats(values: NDArray[Any]) -> Image.Image:
    """Convert numbers to grey. Clips in place, to save the memory of a second copy of 64 million numbers."""
    return _from_bytes(np.clip(values, 0, 255, out=values).astype(np.uint8))


def _from_bytes(values: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(values).convert("RGB")


def _from_lab(image: Image.Image) -> Image.Image:
    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
    if converted is None:
        raise ImageError("The LAB image could not be converted: convert it to JPEG, PNG, WebP, GIF or BMP.")
    return converted
