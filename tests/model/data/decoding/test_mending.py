"""Files whose pixels are complete but which Pillow refuses."""

from typing import Any

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from model.data.images import decode_image, inspect_image
from model.errors import ImageError
from tests.model.pictures import encode, noise

MUCH = "x" * 2_000_000


def text(kind: str) -> dict[str, Any]:
    info = PngImagePlugin.PngInfo()
    if kind == "iTXt":
        info.add_itxt("XML:com.adobe.xmp", MUCH, zip=True)
    else:
        info.add_text("parameters", MUCH, zip=True)
    return {"pnginfo": info}


def photo() -> Image.Image:
    return noise(0, 40, 30).resize((400, 300), Image.Resampling.BICUBIC)


@pytest.mark.parametrize(
    "options", [text("zTXt"), text("iTXt"), {"icc_profile": bytes(2_000_000)}], ids=["text", "xmp", "profile"]
)
def test_a_png_with_much_text_or_a_large_profile_is_taken(options: dict[str, Any]) -> None:
    image = noise()
    exif = Image.Exif()
    exif[0x0112] = 3
    data = encode(image, exif=exif, **options)
    turned = np.asarray(image.rotate(180))
    assert np.array_equal(np.asarray(decode_image(data, image_size=16)), turned)
    assert inspect_image(data).format == "PNG"
    with pytest.raises(ImageError, match="damaged"):
        inspect_image(data[: len(data) - 600])


JPEGS: dict[str, dict[str, Any]] = {
    "baseline": {},
    "progressive": {"progressive": True},
    "restart markers": {"restart_marker_blocks": 4},
}


@pytest.mark.parametrize("options", JPEGS.values(), ids=JPEGS)
@pytest.mark.parametrize("missing", [1, 2])
def test_a_jpeg_without_its_end_marker_is_taken(options: dict[str, Any], missing: int) -> None:
    data = encode(photo(), "JPEG", **options)
    whole, cut = (decode_image(file, image_size=300) for file in (data, data[:-missing]))
    assert np.array_equal(np.asarray(cut), np.asarray(whole))
    assert inspect_image(data[:-missing]) == inspect_image(data)


@pytest.mark.parametrize("options", JPEGS.values(), ids=JPEGS)
@pytest.mark.parametrize("kept", [0.3, 0.5, 0.75, 0.9, 0.98])
@pytest.mark.parametrize("end", [b"", bytes(512)], ids=["cut", "padded"])
def test_a_part_of_a_jpeg_is_refused(options: dict[str, Any], kept: float, end: bytes) -> None:
    data = encode(photo(), "JPEG", **options)
    with pytest.raises(ImageError, match="damaged or incomplete"):
        inspect_image(data[: int(len(data) * kept)] + end)


def test_pixels_of_a_mended_file_are_counted_once() -> None:
    counted: list[int] = []
    decode_image(encode(photo(), "JPEG")[:-2], image_size=300, before_pixels=counted.append)
    assert counted == [400 * 300]
