"""Image files lose their metadata, and decode to the same picture."""

import contextlib
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import ExifTags, Image, PngImagePlugin

from model.data.files.bare_images import media_type, without_metadata
from model.data.images import decode_image
from tests.api.pictures import animated_gif, encoded, picture, unusual_files

SECRET = b"52.5163 N, 13.3777 E"
XMP = b'<x:xmpmeta><rdf:Description tiff:Orientation="8" where="52.5163 N, 13.3777 E"/></x:xmpmeta>'
PROFILE = b"a colour profile"


def _exif(orientation: int = 6) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = SECRET.decode()
    exif[ExifTags.Base.Orientation] = orientation
    return exif


def _files() -> Iterator[tuple[str, bytes]]:
    rgb = picture(size=(48, 32))
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Comment", SECRET.decode())
    texts.add_itxt("XML:com.adobe.xmp", XMP.decode())
    frame = picture(1, size=(48, 32))
    options = {"exif": _exif(), "icc_profile": PROFILE}
    yield "a.jpg", encoded(rgb, "JPEG", comment=SECRET, **options) + b"\xff\xd8" + SECRET
    yield "progressive.jpg", encoded(rgb, "JPEG", progressive=True, xmp=XMP)
    yield "two.mpo", encoded(rgb, "MPO", save_all=True, append_images=[frame], exif=_exif())
    yield "cmyk.jpg", encoded(rgb.convert("CMYK"), "JPEG", exif=_exif(3))
    yield "a.png", encoded(rgb, "PNG", pnginfo=texts, **options) + SECRET
    yield "xmp.png", encoded(rgb, "PNG", pnginfo=texts)
    yield "animated.png", encoded(rgb, "PNG", save_all=True, append_images=[frame], exif=_exif())
    yield "a.webp", encoded(rgb, "WEBP", xmp=XMP, **options)
    yield "alpha.webp", encoded(rgb.convert("RGBA"), "WEBP", lossless=True, exif=_exif(5))
    yield "animated.webp", encoded(rgb, "WEBP", save_all=True, append_images=[frame], xmp=XMP)
    yield "a.gif", encoded(rgb.quantize(8), "GIF", comment=SECRET)
    yield "animated.gif", animated_gif()
    yield from unusual_files().items()


def _pixels(data: bytes) -> np.ndarray:
    return np.array(decode_image(data, image_size=64))


@pytest.mark.parametrize(
    ("name", "data"), list(_files()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_only_the_picture_is_left(name: str, data: bytes) -> None:
    bare = without_metadata(data)
    assert np.array_equal(_pixels(bare), _pixels(data))
    assert SECRET not in bare
    assert (PROFILE in bare) == (PROFILE in data)
    assert without_metadata(bare) == bare
    assert media_type(bare) == media_type(data) != "application/octet-stream"


def test_a_file_without_metadata_is_not_changed() -> None:
    for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP"):
        data = encoded(picture(), kind)
        assert without_metadata(data) == data


def test_a_jpeg_without_its_end_still_decodes() -> None:
    data = encoded(picture(), "JPEG", exif=_exif())[:-2]
    assert np.array_equal(_pixels(without_metadata(data)), _pixels(data))


@pytest.mark.parametrize("data", [b"", b"no image", b"RIFF", b"GIF89a", b"\xff\xd8\xff\xe0"])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"image"):
        without_metadata(data)


def test_a_jpeg_of_very_many_parts_is_refused() -> None:
    data = encoded(picture(), "JPEG")
    with pytest.raises(ValueError, match="too many parts"):
        without_metadata(data[:2] + b"\xff\xfe\0\2" * 200_001 + data[2:])


def test_damaged_files_are_refused_or_cleaned_and_never_hang() -> None:
    random = np.random.default_rng(0)
    for name, data in _files():
        for _ in range(20):
            damaged = bytearray(data)
            damaged[int(random.integers(len(data)))] = int(random.integers(256))
            cut = bytes(damaged[: int(random.integers(1, len(data)))])
            with contextlib.suppress(ValueError):
                assert len(without_metadata(cut)) <= len(cut) + 64, name
