"""The one path from an image's bytes to pixels, in training and in serving alike. Knows no dataset, no torch."""

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError

from model.errors import ImageError, ImageTooLargeError, UnsupportedFormatError
from model.spec import Resize

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")
MAX_PIXELS = 64_000_000
"""Phones make 24 to 50 million."""
MAX_SIDE = 65_535
"""Beyond it a strip of one pixel's height costs more to resize than it can tell."""

SUGGESTION = "convert it to JPEG, PNG, WebP, GIF or BMP"
PADDING = (128, 128, 128)
"""Close to the mean that is subtracted, so that bars say nothing to the network."""
REDUCING_GAP = 2.0
"""Box-reduce to at least twice the target first: faster on large files and close to exact."""

_DAMAGED = (
    *(OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, OverflowError, AttributeError),
    *(struct.error, zlib.error),
)
"""What Pillow's decoders are known to raise on damaged files."""

_BRANDS = {b"avif": "AVIF", b"avis": "AVIF"}
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_SIGNATURES = {
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"\xff\x0a": "JPEG XL",
    b"\0\0\0\x0cJXL ": "JPEG XL",
    b"\0\0\0\x0cjP  ": "JPEG 2000",
    b"8BPS": "Photoshop",
    b"%PDF": "PDF",
}
_TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = (5, 6, 7, 8)


@dataclass(frozen=True)
class ImageFacts:
    """What a whole, readable image is, upright."""

    width: int
    height: int
    format: str


def decode_image(
    data: bytes,
    *,
    image_size: int,
    max_pixels: int = MAX_PIXELS,
    before_pixels: Callable[[int], object] | None = None,
) -> Image.Image:
    """The first frame, upright, in RGB; a large JPEG comes at a fraction of its size.

    Args:
        data: a whole JPEG, PNG, WebP, GIF or BMP file.
        image_size: pixels of the square that it will be resized to; a JPEG is decoded to at least twice that.
        max_pixels: refused above, from the header alone.
        before_pixels: hears how many pixels will be in memory at once, before they are.

    Raises:
        UnsupportedFormatError: an image, but of another format.
        ImageTooLargeError: too many pixels.
        ImageError: no image, or a damaged one.
    """
    image = _open(data, max_pixels)
    return _decode(image, image_size, before_pixels)


def inspect_image(data: bytes, *, max_pixels: int = MAX_PIXELS) -> ImageFacts:
    """Decode an image to its end and say what it is; raises as `decode_image`."""
    image = _open(data, max_pixels)
    width, height = image.size
    # The smallest JPEG scale still reads every byte, so a truncated file is found all the same.
    _decode(image, image_size=1)
    if _orientation(image) in _SIDEWAYS:
        width, height = height, width
    return ImageFacts(width, height, image.format or "")


def resize_image(image: Image.Image, size: int, resize: Resize) -> NDArray[np.uint8]:
    """A square of `size` pixels as uint8 [size, size, 3], antialiased.

    Args:
        image: RGB, of any shape.
        size: pixels a side.
        resize: `squash` ignores the shape, `crop` takes the centre, `pad` adds grey bars.
    """
    if image.size == (size, size):
        return np.array(image, dtype=np.uint8)
    if resize is Resize.PAD:
        return np.array(_pad(image, size), dtype=np.uint8)
    box = _central_square(image) if resize is Resize.CROP else None
    return np.array(_resample(image, (size, size), box), dtype=np.uint8)


def to_rgb(image: Image.Image) -> Image.Image:
    """RGB from any of Pillow's modes: transparent parts over white, 16 bits scaled to 8."""
    if image.mode == "RGB" and not image.has_transparency_data:
        return image
    if image.mode.startswith("I;16") or image.mode == "I":
        return _from_numbers(np.asarray(image) >> 8)
    if image.mode == "F":
        return _from_numbers(np.array(image))
    if image.mode == "LAB":
        return _from_lab(image)
    if image.has_transparency_data:
        rgba = image if image.mode == "RGBA" else image.convert("RGBA")
        canvas = Image.new("RGB", rgba.size, "white")
        canvas.paste(rgba, mask=rgba.getchannel("A"))
        return canvas
    return image.convert("RGB")


def _open(data: bytes, max_pixels: int) -> Image.Image:
    """The image with its header read and its size allowed; no pixel is decoded yet."""
    _refuse_known_formats(data[:512])
    try:
        image = Image.open(BytesIO(data), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageTooLargeError(_too_large(max_pixels)) from error
    except UnidentifiedImageError as error:
        raise ImageError(f"This is not an image that can be read: {SUGGESTION}.") from error
    except _DAMAGED as error:
        raise ImageError(f"The image's header is damaged: {_short(error)}; save or send it again.") from error
    if image.width * image.height > max_pixels or max(image.size) > MAX_SIDE:
        raise ImageTooLargeError(
            f"The image is {image.width} x {image.height} pixels. {_too_large(max_pixels)}"
        )
    return image


def _decode(
    image: Image.Image, image_size: int, before_pixels: Callable[[int], object] | None = None
) -> Image.Image:
    try:
        whole_pixels = image.width * image.height
        image.draft(None, (2 * image_size, 2 * image_size))
        if before_pixels is not None:
            # A progressive JPEG is held whole at every scale: 346 MiB for 64 million pixels, else 6 MiB.
            is_whole = "progressive" in image.info
            before_pixels(whole_pixels if is_whole else image.width * image.height)
        image.load()
        rgb = to_rgb(image)
        transposition = _TRANSPOSITIONS.get(_orientation(image))
        return rgb if transposition is None else rgb.transpose(transposition)
    except MemoryError as error:
        raise ImageTooLargeError("The image needs more memory than there is: send a smaller copy.") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageTooLargeError(_too_large(MAX_PIXELS)) from error
    except _DAMAGED as error:
        raise ImageError(
            f"The image is damaged or incomplete: {_short(error)}; save or send it again."
        ) from error


def _refuse_known_formats(head: bytes) -> None:
    """Name the formats that people send and that are not decoded here."""
    kind = next((name for magic, name in _SIGNATURES.items() if head.startswith(magic)), None)
    if head[4:8] == b"ftyp":
        kind = _BRANDS.get(head[8:12], "HEIC" if head[8:12] in _HEIF_BRANDS else "video")
    elif head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"<svg", b"<?xml")) and b"<svg" in head:
        kind = "SVG"
    if kind is not None:
        raise UnsupportedFormatError(f"{kind} files are not supported: {SUGGESTION}.")


def _orientation(image: Image.Image) -> int:
    """EXIF orientation of a loaded image, 1 to 8; damaged metadata is no reason to refuse a picture.

    Of one that is not loaded yet Pillow may decode all pixels to find it: a PNG's may follow them.
    """
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except _DAMAGED:
        return 1


def _from_numbers(values: NDArray[Any]) -> Image.Image:
    """Clips in place: of 64 million numbers one copy is enough."""
    return Image.fromarray(np.clip(values, 0, 255, out=values).astype(np.uint8)).convert("RGB")


def _from_lab(image: Image.Image) -> Image.Image:
    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
    if converted is None:
        raise ImageError(f"The LAB image could not be converted: {SUGGESTION}.")
    return converted


def _central_square(image: Image.Image) -> tuple[int, int, int, int]:
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return (left, top, left + side, top + side)


def _pad(image: Image.Image, size: int) -> Image.Image:
    longest = max(image.size)
    inner = (max(1, round(image.width * size / longest)), max(1, round(image.height * size / longest)))
    canvas = Image.new("RGB", (size, size), PADDING)
    canvas.paste(_resample(image, inner, None), ((size - inner[0]) // 2, (size - inner[1]) // 2))
    return canvas


def _resample(
    image: Image.Image, size: tuple[int, int], box: tuple[int, int, int, int] | None
) -> Image.Image:
    """Pillow's bilinear filter widens with the scale, which is what antialiases it."""
    return image.resize(size, Image.Resampling.BILINEAR, box=box, reducing_gap=REDUCING_GAP)


def _too_large(max_pixels: int) -> str:
    return f"At most {max_pixels / 1e6:g} million pixels, and {MAX_SIDE} a side, are allowed: send a smaller copy."


def _short(error: BaseException) -> str:
    return (str(error) or type(error).__name__)[:120]
