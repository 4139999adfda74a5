"""16-bit images that use fewer bits, and alpha channels that were left at 0."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from model.data.images import decode_image, inspect_image
from model.data.prepared.dataset import prepare_dataset
from model.spec import Resize
from model.storage.interface import Storage
from tests.model.imports import import_files
from tests.model.pictures import encode, noise

GREY, RGB, GREY_ALPHA, RGBA = 0, 2, 4, 6
CHANNELS = {GREY: 1, RGB: 3, GREY_ALPHA: 2, RGBA: 4}


def wide_png(values: NDArray[np.uint16], kind: int) -> bytes:
    """Return a PNG of 16-bit values [height, width, channels], which Pillow can write for grey images only."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">L", len(data)) + name + data + struct.pack(">L", zlib.crc32(name + data))

    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">LLBBBBB", width, height, 16, kind, 0, 0, 0)
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def wide(kind: int, bits: int, seed: int = 0) -> NDArray[np.uint16]:
    """Return random opaque values of this number of bits: uint16 [16, 16, channels]."""
    values = np.random.default_rng(seed).integers(0, 1 << bits, (16, 16, CHANNELS[kind]), dtype=np.uint16)
    values[0, 0] = (1 << bits) - 1
    if kind in (GREY_ALPHA, RGBA):
        values[..., -1] = 65535
    return values


def decoded(data: bytes, bits: int) -> NDArray[np.uint8]:
    return np.asarray(decode_image(data, image_size=16, sample_bits=bits))


@pytest.mark.parametrize("kind", CHANNELS)
@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_values_of_few_bits_are_scaled_to_the_whole_range(kind: int, bits: int) -> None:
    values = wide(kind, bits)
    colours = values[..., : 3 if kind in (RGB, RGBA) else 1]
    data = wide_png(values, kind)
    assert inspect_image(data).sample_bits == bits
    assert np.array_equal(decoded(data, bits), np.broadcast_to(colours >> (bits - 8), (16, 16, 3)))


def test_values_above_those_of_the_dataset_are_white() -> None:
    data = wide_png(np.full((4, 4, 1), 5000, np.uint16), GREY)
    assert (decoded(data, 12) == 255).all()


def test_images_of_8_bits_are_not_scaled() -> None:
    data = encode(noise())
    assert inspect_image(data).sample_bits is None
    assert np.array_equal(decoded(data, 12), np.asarray(noise()))


def test_a_turned_wide_image_is_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    values = np.arange(16, dtype=np.uint16).reshape(4, 4) << 4
    data = encode(Image.fromarray(values), exif=exif)
    assert decoded(data, 12)[0, 0, 0] == values[3, 3] >> 4


@pytest.mark.parametrize("kind", [GREY, RGB])
def test_the_same_pictures_in_12_and_16_bits_give_the_same_pixels(
    kind: int, storage: Storage, tmp_path: Path
) -> None:
    pixels, warnings = [], []
    for shift in (0, 4):
        files = {
            f"{'ab'[n % 2]}/{n}.png": wide_png(wide(kind, 12, n) << np.uint16(shift), kind) for n in range(24)
        }
        # The hashes of the files decide which of them are test images, so the split is given.
        split = {
            f"{'test' if n >= 16 else 'train'}/{path}": data for n, (path, data) in enumerate(files.items())
        }
        record = import_files(split, storage, tmp_path)
        prepared = prepare_dataset(record.facts.id, 16, Resize.SQUASH, storage, tmp_path)
        pixels.append({image.tobytes() for image in prepared.train.images})
        warnings.append(record.warnings)
    assert pixels[0] == pixels[1]
    assert warnings[1] == []
    assert "values below 4096" in warnings[0][0]


def test_a_bmp_without_any_opaque_pixel_is_opaque() -> None:
    rgba = noise().convert("RGBA")
    expected = np.asarray(noise())
    for alpha in (0, 255):
        rgba.putalpha(alpha)
        assert np.array_equal(np.asarray(decode_image(with_alpha(rgba), image_size=16)), expected)
    rgba.putpixel((0, 0), (0, 0, 0, 0))
    assert decode_image(with_alpha(rgba), image_size=16).getpixel((0, 0)) == (255, 255, 255)


def with_alpha(image: Image.Image) -> bytes:
    """Return a BMP with an alpha mask in its header, which Pillow does not write."""
    pixels = image.transpose(Image.Transpose.FLIP_TOP_BOTTOM).tobytes("raw", "BGRA")
    masks = struct.pack("<LLLL", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    info = struct.pack("<LllHHLLllLL", 124, *image.size, 1, 32, 3, len(pixels), 2835, 2835, 0, 0)
    info += masks + b"BGRs" + bytes(124 - 60)
    start = 14 + len(info)
    return struct.pack("<2sLHHL", b"BM", start + len(pixels), 0, 0, start) + info + pixels
