"""Generates image files: valid ones in many formats, and a PNG with a false size."""

import struct
import zlib
from io import BytesIO

import numpy as np
from PIL import Image


def picture(seed: int = 0, size: tuple[int, int] = (40, 30)) -> Image.Image:
    """An RGB image of random noise."""
    width, height = size
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def encoded(image: Image.Image, format_: str = "PNG", **options: object) -> bytes:
    """The bytes of the image file in the given format."""
    buffer = BytesIO()
    image.save(buffer, format_, **options)
    return buffer.getvalue()


def png(seed: int = 0, size: tuple[int, int] = (40, 30)) -> bytes:
    """A small, valid PNG."""
    return encoded(picture(seed, size))


def form_of(*contents: bytes, field: str = "files") -> list[tuple[str, tuple[str, bytes, str]]]:
    """The parts of a form with these files, which httpx takes as `files`."""
    return [(field, (f"{index}.png", data, "image/png")) for index, data in enumerate(contents)]


def png_header(width: int, height: int) -> bytes:
    """A PNG whose header states this size, with hardly any pixel data."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def animated_gif() -> bytes:
    """A GIF of three frames."""
    frames = [picture(seed).quantize(16) for seed in range(3)]
    return encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])


def sixteen_bit_png() -> bytes:
    """A grayscale PNG with two bytes per pixel."""
    return encoded(Image.fromarray(np.arange(1200, dtype=np.uint16).reshape(30, 40) * 50))


def unusual_files() -> dict[str, bytes]:
    """Valid image files of unusual formats, colour modes and sizes, by file name."""
    rgb = picture()
    return {
        "animated.gif": animated_gif(),
        "cmyk.jpg": encoded(rgb.convert("CMYK"), "JPEG"),
        "sixteen-bit.png": sixteen_bit_png(),
        "palette.png": encoded(rgb.quantize(8)),
        "transparent.png": encoded(rgb.convert("RGBA")),
        "gray.jpg": encoded(rgb.convert("L"), "JPEG"),
        "one-bit.png": encoded(rgb.convert("1")),
        "one-pixel.png": png(size=(1, 1)),
        "strip.png": png(size=(3000, 1)),
        "picture.webp": encoded(rgb, "WEBP"),
        "picture.bmp": encoded(rgb, "BMP"),
        "large.jpg": encoded(picture(size=(1200, 900)), "JPEG"),
    }
