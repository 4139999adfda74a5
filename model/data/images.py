"""Decodes and resizes images, in the same way for training and for predictions. Knows no datasets and no torch."""

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile

from model.data.decoding.mending import mend
from model.data.decoding.rgb import to_rgb
from model.data.decoding.samples import count_bits, has_wide_samples, rescale_colours
from model.data.files.not_images import describe_text
from model.errors import ImageError, ImageTooLargeError, UnsupportedFormatError
from model.spec import FULL_BITS, Resize

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")
MAX_PIXELS = 64_000_000
"""Images with more pixels are refused. Phones make images of 24 to 50 million pixels."""
MAX_SIDE = 65_535
"""Images with a longer side are refused: an image of 1 x 64,000,000 pixels is slow to resize and useless."""

THUMBNAIL_SIDE = 32
MINIATURE_SIDE = 16
SEEN_SIDE = 160
"""Pixels that `inspect_image` shows of a large image, at least."""

SUGGESTION = "convert it to JPEG, PNG, WebP, GIF or BMP"
PADDING = (128, 128, 128)
"""Grey, close to the mean that normalisation subtracts, so that the bars become values near 0."""
REDUCING_GAP = 2.0
"""Pillow first box-reduces a large image to at least twice the target size: faster and nearly exact."""

_DAMAGED = (
    *(OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, OverflowError, AttributeError),
    *(AssertionError, struct.error, zlib.error),
)
"""The exceptions that Pillow's decoders are known to raise for damaged files."""

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


T = TypeVar("T")


@dataclass(frozen=True)
class ImageFacts:
    """Size (after EXIF rotation) and file format of an image that was decoded completely."""

    width: int
    height: int
    format: str
    sample_bits: int | None
    """Bits, 8 to 16, that the values of a 16-bit image use; None for all other images."""
    miniature: bytes = field(compare=False)
    """The RGB pixels of the image at `MINIATURE_SIDE` pixels a side, which show near duplicates."""
    mode: str = "RGB"
    """Pillow's name of the pixel format of the file, such as `L` or `RGBA`."""
    thumbnail: NDArray[np.uint8] | None = field(default=None, compare=False)
    """The image at `THUMBNAIL_SIDE` pixels a side, [height, width, 3], if it was asked for."""


def decode_image(
    data: bytes,
    *,
    image_size: int,
    max_pixels: int = MAX_PIXELS,
    sample_bits: int = FULL_BITS,
    before_pixels: Callable[[int], object] | None = None,
) -> Image.Image:
    """Decode the first frame as an upright RGB image. A large JPEG is decoded at a fraction of its size.

    Args:
        data: the contents of a JPEG, PNG, WebP, GIF or BMP file.
        image_size: side, in pixels, of the square that the image will be resized to. A JPEG is decoded to at least
            twice that size.
        max_pixels: an image whose header states more pixels is refused before it is decoded.
        sample_bits: bits that the values of 16-bit images use: 12 if the largest of the dataset is below 4096.
        before_pixels: called once with the number of pixels that decoding will hold in memory, before decoding begins.

    Raises:
        UnsupportedFormatError: the image has another format.
        ImageTooLargeError: the image has too many pixels.
        ImageError: the data are no image, or a damaged image.
    """
    before = before_pixels and cache(
        before_pixels
    )  # a mended file is decoded again, and its pixels counted once

    def decode(data: bytes) -> Image.Image:
        image = _open(data, max_pixels)
        is_wide_colour = has_wide_samples(image) and image.mode in ("RGB", "RGBA")
        _load(image, image_size, before)
        should_rescale = is_wide_colour and sample_bits < FULL_BITS
        pixels = rescale_colours(image, data, sample_bits) if should_rescale else image
        return _turn_upright(to_rgb(pixels, sample_bits=sample_bits), _orientation(image))

    return _mending(data, decode)


def inspect_image(
    data: bytes,
    *,
    max_pixels: int = MAX_PIXELS,
    with_thumbnail: bool = False,
    see: Callable[[Image.Image], object] | None = None,
) -> ImageFacts:
    """Decode an image completely and return its size and format. Raises the same errors as `decode_image`.

    Args:
        data: the contents of the file.
        max_pixels: as for `decode_image`.
        with_thumbnail: whether the facts shall have a thumbnail.
        see: is called with the upright RGB image, of which a large JPEG is decoded at a fraction of its size, but not
            below `SEEN_SIDE` pixels.
    """

    def inspect(data: bytes) -> ImageFacts:
        image = _open(data, max_pixels)
        (width, height), mode, is_wide = image.size, image.mode, has_wide_samples(image)
        # Decoding a JPEG at a fraction of its size still reads every byte, so it detects a truncated file.
        _load(image, max(THUMBNAIL_SIDE, SEEN_SIDE // 2) if see else THUMBNAIL_SIDE)
        bits = count_bits(image) if is_wide else None
        orientation = _orientation(image)
        upright = _turn_upright(to_rgb(image, sample_bits=bits or FULL_BITS), orientation)
        if orientation in _SIDEWAYS:
            width, height = height, width
        if see is not None:
            see(upright)
        small = _shrink(upright)
        miniature = _miniature(small).tobytes()
        thumbnail = np.array(small, dtype=np.uint8) if with_thumbnail else None
        return ImageFacts(width, height, image.format or "", bits, miniature, mode, thumbnail)

    return _mending(data, inspect)


def miniature_of(image: Image.Image) -> NDArray[np.uint8]:
    """Return the pixels, [height, width, 3], of an upright RGB image at `MINIATURE_SIDE` pixels a side."""
    return np.array(_miniature(_shrink(image)), dtype=np.uint8)


def _shrink(image: Image.Image) -> Image.Image:
    square = (THUMBNAIL_SIDE, THUMBNAIL_SIDE)
    return image if image.size == square else _resample(image, square, None)


def _miniature(small: Image.Image) -> Image.Image:
    return small.reduce(THUMBNAIL_SIDE // MINIATURE_SIDE)


def resize_image(image: Image.Image, size: int, resize: Resize) -> NDArray[np.uint8]:
    """Resize to a square, with antialiasing; returns uint8 [size, size, 3].

    Args:
        image: an RGB image of any size.
        size: side of the square in pixels.
        resize: `squash` changes the aspect ratio, `crop` uses the central square, `pad` adds grey bars.
    """
    if image.size == (size, size):
        return np.array(image, dtype=np.uint8)
    if resize is Resize.PAD:
        return np.array(_pad(image, size), dtype=np.uint8)
    box = _central_square(image) if resize is Resize.CROP else None
    return np.array(_resample(image, (size, size), box), dtype=np.uint8)


def _open(data: bytes, max_pixels: int) -> Image.Image:
    """Read the header and check the number of pixels, without decoding any pixel."""
    _refuse_known_formats(data[:512])
    try:
        image = Image.open(BytesIO(data), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageTooLargeError(_too_large(max_pixels)) from error
    except UnidentifiedImageError as error:
        what = describe_text(data) or f"not an image that can be read: {SUGGESTION}"
        raise ImageError(f"This is {what}.") from error
    except _DAMAGED as error:
        raise ImageError(f"The image's header is damaged: {_short(error)}; save or send it again.") from error
    if image.width * image.height > max_pixels or max(image.size) > MAX_SIDE:
        raise ImageTooLargeError(
            f"The image is {image.width} x {image.height} pixels. {_too_large(max_pixels)}"
        )
    return image


def _mending(data: bytes, decode: Callable[[bytes], T]) -> T:
    """Decode a file, or, if it is damaged, the file without its harmless damage."""
    try:
        return _converting_errors(decode, data)
    except (ImageTooLargeError, UnsupportedFormatError):
        raise
    except ImageError:
        mended = mend(data)
        if mended is None:
            raise
    return _converting_errors(decode, mended)


def _converting_errors(decode: Callable[[bytes], T], data: bytes) -> T:
    try:
        return decode(data)
    except MemoryError as error:
        raise ImageTooLargeError(
            "The image needs more memory than is available: send a smaller copy."
        ) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageTooLargeError(_too_large(MAX_PIXELS)) from error
    except _DAMAGED as error:
        raise ImageError(
            f"The image is damaged or incomplete: {_short(error)}; save or send it again."
        ) from error


def _load(image: Image.Image, image_size: int, before_pixels: Callable[[int], object] | None = None) -> None:
    full_pixels = image.width * image.height
    image.draft(None, (2 * image_size, 2 * image_size))
    if before_pixels is not None:
        # A JPEG of several scans is held in memory in full size at every scale: 346 MiB for 64 million pixels; any
        # other JPEG needs 6 MiB.
        has_scans = "progressive" in image.info or _has_scan_per_colour(image)
        before_pixels(full_pixels if has_scans else image.width * image.height)
    image.load()


def _has_scan_per_colour(image: Image.Image) -> bool:
    """Return whether the first scan of a JPEG, whose head Pillow has just read, has some of the colours only."""
    if not isinstance(image, JpegImageFile) or image.fp is None or image.layers == 1:
        return False
    position, head_bytes = image.fp.tell(), 6 + 2 * image.layers
    image.fp.seek(max(0, position - head_bytes))
    head = image.fp.read(head_bytes)
    image.fp.seek(position)
    return not head.startswith(struct.pack(">HB", head_bytes, image.layers))


def _turn_upright(rgb: Image.Image, orientation: int) -> Image.Image:
    transposition = _TRANSPOSITIONS.get(orientation)
    return rgb if transposition is None else rgb.transpose(transposition)


def _refuse_known_formats(head: bytes) -> None:
    """Raise UnsupportedFormatError, with the name of the format, for known formats that are not supported."""
    kind = next((name for magic, name in _SIGNATURES.items() if head.startswith(magic)), None)
    if head[4:8] == b"ftyp":
        kind = _BRANDS.get(head[8:12], "HEIC" if head[8:12] in _HEIF_BRANDS else "video")
    elif head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"<svg", b"<?xml")) and b"<svg" in head:
        kind = "SVG"
    elif head[128:132] == b"DICM":
        kind = "DICOM"
    elif head[:2] in (b"P5", b"P6") and head[2:3].isspace():
        kind = "PPM"
    if kind is not None:
        raise UnsupportedFormatError(f"{kind} files are not supported: {SUGGESTION}.")


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8, of a loaded image; 1 when the metadata are damaged.

    The image must be loaded, because Pillow may otherwise decode all pixels to find the orientation: in a PNG the
    EXIF data may follow the pixels.
    """
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except _DAMAGED:
        return 1


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
    """Resize with Pillow's bilinear filter, whose support grows with the scale, which is antialiasing."""
    return image.resize(size, Image.Resampling.BILINEAR, box=box, reducing_gap=REDUCING_GAP)


def _too_large(max_pixels: int) -> str:
    return f"At most {max_pixels / 1e6:g} million pixels and {MAX_SIDE} pixels a side are allowed: send a smaller copy."


def _short(error: BaseException) -> str:
    return (str(error) or type(error).__name__)[:120]
