"""Mends files that Pillow refuses although all their pixels are there: PNGs with much text, JPEGs without an end marker."""

import hashlib
import random
import struct
from collections.abc import Iterator
from io import BytesIO

from PIL import Image

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
_UNUSED_CHUNKS = (b"tEXt", b"zTXt", b"iTXt", b"iCCP")
"""Texts and the colour profile. Pillow refuses a PNG with more than 1 MiB of either."""
_END_MARKER = b"\xff\xd9"
_NOISE_BYTES = 512


def mend(data: bytes) -> bytes | None:
    """Return the file with the same pixels in a form that Pillow accepts; None if it cannot be mended."""
    if data.startswith(_PNG):
        return _without_texts(data)
    if data.startswith(_JPEG):
        # The decoder would take zeros, with which an interrupted download is filled up, as missing pixels.
        pixels = data.rstrip(b"\0")
        return pixels + _END_MARKER if _lacks_only_its_end(pixels) else None
    return None


def _without_texts(data: bytes) -> bytes | None:
    chunks = list(_chunks(data))
    kept = [data[start:end] for kind, start, end in chunks if kind not in _UNUSED_CHUNKS]
    return b"".join([_PNG, *kept]) if 0 < len(kept) < len(chunks) else None


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield the kind, start and end of each chunk of a PNG; the last one may be cut short."""
    start = len(_PNG)
    while start + 8 <= len(data):
        length, kind = struct.unpack_from(">L4s", data, start)
        end = start + 12 + length
        yield kind, start, end
        start = end


def _lacks_only_its_end(data: bytes) -> bool:
    """Whether the pixels of a JPEG do not depend on what follows the data.

    The decoder would take noise that follows an incomplete image as the missing pixels. It ignores bytes that follow
    a complete image.
    """
    try:
        return _hash_pixels(data + _END_MARKER) == _hash_pixels(data + _noise() + _END_MARKER)
    except (OSError, SyntaxError, ValueError):
        return False


def _hash_pixels(data: bytes) -> bytes:
    with Image.open(BytesIO(data), formats=("JPEG",)) as image:
        if "progressive" not in image.info:
            # An eighth of the size needs every block of the file. A progressive file starts with all blocks at low
            # quality, so only its full size needs the whole file.
            image.draft(None, (1, 1))
        return hashlib.sha256(image.tobytes()).digest()


def _noise() -> bytes:
    """Return bytes with every restart marker, because an incomplete image may end where the decoder expects any of them."""
    source = random.Random(0)  # noqa: S311  # any fixed noise will do
    parts = [b"\0", *(bytes(source.choices(range(255), k=_NOISE_BYTES)) for _ in range(9))]
    markers = [b"", *(bytes((0xFF, 0xD0 + number)) for number in range(8)), b""]
    return b"".join(part + marker for part, marker in zip(parts, markers, strict=True))
