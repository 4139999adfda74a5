import os
import struct
import subprocess
import sys
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps

from model.data.decoding.rgb import to_rgb
from model.data.images import PADDING, decode_image, inspect_image, resize_image
from model.errors import ImageError, ImageTooLargeError, UnsupportedFormatError
from model.spec import Resize
from tests.model.pictures import HEIGHT, WIDTH, encode, noise


def flat(mode: str, colour: int | float | tuple[int, ...]) -> Image.Image:
    return Image.new(mode, (4, 3), colour)


def pixel(image: Image.Image) -> tuple[int, ...]:
    assert image.mode == "RGB"
    value = image.getpixel((0, 0))
    assert isinstance(value, tuple)
    return tuple(int(channel) for channel in value)


def png_header(width: int, height: int) -> bytes:
    """Return a PNG whose header states a size but which has almost no data."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))

    header = struct.pack(">LLBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0"))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("kind", ["PNG", "BMP", "GIF", "WEBP"])
def test_lossless_formats_decode_to_the_exact_pixels(kind: str) -> None:
    image = noise().quantize(32).convert("RGB")
    data = encode(image, kind, **({"lossless": True} if kind == "WEBP" else {}))
    assert np.array_equal(np.asarray(decode_image(data, image_size=16)), np.asarray(image))


def test_a_jpeg_near_the_target_size_is_decoded_at_full_size() -> None:
    data = encode(noise(), "JPEG")
    assert decode_image(data, image_size=16).size == (WIDTH, HEIGHT)


def test_a_large_jpeg_is_decoded_at_a_fraction_of_its_size_but_at_least_twice_the_target() -> None:
    data = encode(noise(0, 1600, 1200), "JPEG")
    assert decode_image(data, image_size=32).size == (200, 150)
    assert decode_image(data, image_size=224).size == (800, 600)
    assert inspect_image(data).width == 1600


def test_an_animation_decodes_to_its_first_frame() -> None:
    frames = [flat("RGB", colour) for colour in ((255, 0, 0), (0, 255, 0))]
    for kind in ("GIF", "WEBP", "PNG"):
        data = encode(frames[0], kind, save_all=True, append_images=frames[1:])
        red, green, _ = pixel(decode_image(data, image_size=16))
        assert red > 240
        assert green < 10


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_images_are_upright(orientation: int, kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(noise(), kind, exif=exif)
    with Image.open(BytesIO(data)) as image:
        upright = ImageOps.exif_transpose(image).convert("RGB")
    assert np.array_equal(np.asarray(decode_image(data, image_size=16)), np.asarray(upright))
    facts = inspect_image(data)
    assert (facts.width, facts.height) == upright.size


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")  # a warning of Pillow about the damaged data
def test_an_image_with_damaged_exif_data_is_accepted() -> None:
    data = encode(noise(), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff" + b"\xff" * 20)
    assert decode_image(data, image_size=16).size == (WIDTH, HEIGHT)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (flat("1", 1), (255, 255, 255)),
        (flat("L", 77), (77, 77, 77)),
        (flat("LA", (0, 0)), (255, 255, 255)),
        (flat("LA", (0, 128)), (127, 127, 127)),
        (flat("RGB", (1, 2, 3)), (1, 2, 3)),
        (flat("RGBA", (9, 9, 9, 0)), (255, 255, 255)),
        (flat("RGBA", (255, 0, 0, 255)), (255, 0, 0)),
        (flat("RGBA", (255, 0, 0, 128)), (255, 127, 127)),
        (flat("RGBa", (128, 0, 0, 128)), (255, 127, 127)),
        (flat("RGBX", (1, 2, 3, 0)), (1, 2, 3)),
        (flat("CMYK", (0, 255, 255, 0)), (255, 0, 0)),
        (flat("YCbCr", (255, 128, 128)), (255, 255, 255)),
        (flat("HSV", (0, 255, 255)), (255, 0, 0)),
        (flat("I;16", 65535), (255, 255, 255)),
        (flat("I;16", 256 * 100 + 255), (100, 100, 100)),
        (flat("I;16B", 256 * 100), (100, 100, 100)),
        (flat("I", 256 * 100), (100, 100, 100)),
        (flat("I", -5), (0, 0, 0)),
        (flat("F", 99.9), (99, 99, 99)),
        (flat("F", 1e9), (255, 255, 255)),
    ],
)
def test_every_mode_becomes_rgb(image: Image.Image, expected: tuple[int, int, int]) -> None:
    assert pixel(to_rgb(image)) == expected


def test_lab_becomes_rgb() -> None:
    lab = ImageCms.profileToProfile(
        flat("RGB", (200, 100, 50)),
        ImageCms.createProfile("sRGB"),
        ImageCms.createProfile("LAB"),
        outputMode="LAB",
    )
    assert lab is not None
    assert np.abs(np.subtract(pixel(to_rgb(lab)), (200, 100, 50))).max() <= 3


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_transparent_palette_entries_are_white(kind: str) -> None:
    image = flat("P", 1)
    image.putpalette([255, 0, 0, 0, 0, 255])
    assert pixel(decode_image(encode(image, kind), image_size=16)) == (0, 0, 255)
    assert pixel(decode_image(encode(image, kind, transparency=1), image_size=16)) == (255, 255, 255)


def test_palettes_with_alpha_are_blended_with_white() -> None:
    image = flat("RGBA", (0, 0, 255, 0)).convert("PA")
    assert pixel(to_rgb(image)) == (255, 255, 255)


@pytest.mark.parametrize(("mode", "colour", "key"), [("L", 7, 7), ("RGB", (7, 8, 9), (7, 8, 9))])
def test_a_transparent_colour_of_a_png_becomes_white(
    mode: str, colour: int | tuple[int, ...], key: int | tuple[int, ...]
) -> None:
    data = encode(flat(mode, colour), transparency=key)
    assert pixel(decode_image(data, image_size=16)) == (255, 255, 255)


def test_a_16_bit_png_is_scaled_and_not_clipped() -> None:
    values = np.linspace(0, 65535, 256, dtype=np.uint16).reshape(16, 16)
    grey = np.asarray(decode_image(encode(Image.fromarray(values)), image_size=16))[..., 0]
    assert np.array_equal(grey, values // 256)


def test_an_adobe_cmyk_jpeg_is_not_inverted() -> None:
    data = encode(flat("CMYK", (0, 255, 255, 0)), "JPEG")
    assert b"Adobe" in data
    red, green, blue = pixel(decode_image(data, image_size=16))
    assert red > 240
    assert green < 15
    assert blue < 15


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP"])
@pytest.mark.parametrize("kept", [0.02, 0.5, 0.9])
def test_the_error_for_a_truncated_file_says_so(kind: str, kept: float) -> None:
    data = encode(noise(0, 100, 100), kind)
    with pytest.raises(ImageError, match=r"damaged|not an image"):
        decode_image(data[: int(len(data) * kept)], image_size=16)
    with pytest.raises(ImageError, match=r"damaged|not an image"):
        inspect_image(data[: int(len(data) * kept)])


def test_a_png_without_its_palette_is_damaged() -> None:
    data = bytearray(encode(noise().quantize(16)))
    start = data.index(b"PLTE")
    length = int.from_bytes(data[start - 4 : start], "big")
    del data[start - 4 : start + length + 8]
    with pytest.raises(ImageError, match="damaged"):
        decode_image(bytes(data), image_size=16)


@pytest.mark.parametrize("data", [b"", b"hello, I am text", b"\xff\xd8\xff", b"GIF89a", b"BM", b"\0" * 100])
def test_data_that_are_no_image_are_refused(data: bytes) -> None:
    with pytest.raises(ImageError) as raised:
        decode_image(data, image_size=16)
    assert raised.value.code == "not_an_image"


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0", "HEIC"),
        (b"\0\0\0\x1cftypavif\0\0\0\0", "AVIF"),
        (b"II*\0\x08\0\0\0", "TIFF"),
        (b"MM\0*\0\0\0\x08", "TIFF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<svg/>", "SVG"),
        (b"%PDF-1.7", "PDF"),
    ],
)
def test_the_error_for_an_unsupported_format_names_the_format_and_a_remedy(head: bytes, name: str) -> None:
    with pytest.raises(
        UnsupportedFormatError, match=f"{name} files are not supported: convert it to JPEG"
    ) as raised:
        decode_image(head, image_size=16)
    assert raised.value.code == "unsupported_format"


@pytest.mark.parametrize(("width", "height"), [(50_000, 50_000), (8001, 8000), (10_000, 9_500), (70_000, 1)])
def test_too_many_pixels_are_refused_from_the_header(width: int, height: int) -> None:
    with pytest.raises(ImageTooLargeError, match="64 million pixels") as raised:
        decode_image(png_header(width, height), image_size=16)
    assert raised.value.code == "image_too_large"


def test_the_limit_on_pixels_can_be_lowered() -> None:
    data = encode(noise(0, 11, 10))
    decode_image(data, image_size=16, max_pixels=110)
    with pytest.raises(ImageTooLargeError, match="11 x 10"):
        decode_image(data, image_size=16, max_pixels=109)


@pytest.mark.parametrize("resize", list(Resize))
@pytest.mark.parametrize("size", [(8, 8), (16, 16), (300, 40), (40, 300), (1, 500), (1000, 1000)])
def test_resizing_any_shape_to_a_square_is_deterministic(resize: Resize, size: tuple[int, int]) -> None:
    image = noise(1, *size)
    first = resize_image(image, 16, resize)
    assert first.shape == (16, 16, 3)
    assert first.dtype == np.uint8
    assert first.flags.writeable
    assert np.array_equal(first, resize_image(image, 16, resize))


def test_an_image_of_the_right_size_is_untouched() -> None:
    image = noise(2, 16, 16)
    for resize in Resize:
        assert np.array_equal(resize_image(image, 16, resize), np.asarray(image))


def test_squash_keeps_everything_and_crop_the_centre_and_pad_the_aspect_ratio() -> None:
    image = Image.new("RGB", (48, 16), (0, 0, 255))
    image.paste((255, 0, 0), (16, 0, 32, 16))
    squashed, cropped, padded = (
        resize_image(image, 16, resize) for resize in (Resize.SQUASH, Resize.CROP, Resize.PAD)
    )
    assert tuple(squashed[8, 0]) == tuple(squashed[8, 15]) == (0, 0, 255)
    assert tuple(squashed[8, 8]) == (255, 0, 0)
    assert (cropped == (255, 0, 0)).all()
    assert (padded[:5] == PADDING).all()
    assert (padded[-5:] == PADDING).all()
    assert tuple(padded[8, 0]) == (0, 0, 255)
    assert tuple(padded[8, 8]) == (255, 0, 0)


def test_reducing_is_antialiased() -> None:
    board = Image.fromarray((np.indices((256, 256)).sum(0) % 2 * 255).astype(np.uint8)).convert("RGB")
    small = resize_image(board, 16, Resize.SQUASH).astype(int)
    assert np.abs(small - 127.5).max() < 3


def test_a_jpeg_decoded_at_a_fraction_of_its_size_looks_the_same() -> None:
    smooth = noise(3, 8, 8).resize((1600, 1600), Image.Resampling.BICUBIC)
    data = encode(smooth, "JPEG", quality=95)
    whole = Image.open(BytesIO(data)).convert("RGB")
    difference = resize_image(decode_image(data, image_size=32), 32, Resize.SQUASH).astype(
        int
    ) - resize_image(whole, 32, Resize.SQUASH)
    assert np.abs(difference).mean() < 1.5


@pytest.mark.parametrize("action", ["decode", "inspect"])
@pytest.mark.parametrize("orientation", [None, 6], ids=["upright", "turned: one more copy"])
def test_too_little_memory_gives_an_image_too_large_error(
    action: str, orientation: int | None, tmp_path: Path
) -> None:
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    path = tmp_path / "large.png"
    path.write_bytes(encode(flat("RGB", 0).resize((1500, 1500)), exif=exif))
    command = [sys.executable, "-m", "tests.model.decoding_with_limited_memory", action, str(path)]
    alone = {
        **os.environ,
        "OPENBLAS_NUM_THREADS": "1",
    }  # the program forks, so it should have a single thread
    assert subprocess.check_output(command, text=True, env=alone).split() == ["done", "image_too_large"]
