"""Removes from an image file what is not its picture: place, time, camera, texts, previews. Decodes no pixel, needs no Pillow.

Pixels, transparency, animation, colour profile and the direction in which the picture is upright stay.
"""

import re
import zlib
from collections.abc import Iterator
from struct import error as StructError  # noqa: N812 - it is a class
from struct import pack, unpack_from

UNKNOWN_TYPE = "application/octet-stream"

_PNG = b"\x89PNG\r\n\x1a\n"
_MEDIA_TYPES = {
    b"\xff\xd8\xff": "image/jpeg",
    _PNG: "image/png",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
    b"BM": "image/bmp",
}
_EXIF, _XMP = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"
_KEPT_SEGMENTS = {0xE0: b"JFIF\0", 0xE2: b"ICC_PROFILE\0", 0xEE: b"Adobe"}
"""Of a JPEG's application segments: the version, the colour profile, and how colours are coded."""
_MARKER = re.compile(rb"\xff+([^\x00\xff])")
_MOST_SEGMENTS = 200_000
"""Of a JPEG. One of 24 million pixels that can be resumed every four blocks has 47,000; a hostile file has millions."""
_STANDALONE = {0x01, *range(0xD0, 0xD9)}
_SCAN, _END, _COMMENT, _APPLICATION = 0xDA, 0xD9, 0xFE, range(0xE0, 0xF0)
_KEPT_CHUNKS = {
    *(b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT"),
    *(b"acTL", b"fcTL", b"fdAT"),
}
_KEPT_WEBP = {b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP"}
_HAS_EXIF, _HAS_XMP = 0x08, 0x04
_ORIENTATION = 0x0112
_XMP_ORIENTATION = re.compile(rb'tiff:Orientation(?:="|>)([1-8])')


def media_type(data: bytes) -> str:
    """Return the media type of an image file by its first bytes; `UNKNOWN_TYPE` for other bytes."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((found for magic, found in _MEDIA_TYPES.items() if data.startswith(magic)), UNKNOWN_TYPE)


def without_metadata(data: bytes) -> bytes:
    """Return a JPEG, PNG, WebP, GIF or BMP file that decodes to the same picture, without metadata.

    Raises:
        ValueError: the bytes have another form.
    """
    kind = media_type(data)
    try:
        match kind:
            case "image/jpeg":
                return _bare_jpeg(data)
            case "image/png":
                return _bare_png(data)
            case "image/webp":
                return _bare_webp(data)
            case "image/gif":
                return b"".join(_gif_blocks(data))
            case "image/bmp":
                return bytes(data)  # the format has no metadata
    except (StructError, IndexError) as error:
        raise ValueError("The image file is cut or damaged.") from error
    raise ValueError("These bytes are not an image of a known format.")


def _bare_jpeg(data: bytes) -> bytes:
    kept, exif, xmp = [b"\xff\xd8"], bytearray(), bytearray()
    for number, (marker, piece, body) in enumerate(_jpeg_segments(data)):
        if number == _MOST_SEGMENTS:
            raise ValueError("The image file has too many parts.")
        if marker == 0xE1 and body.startswith(_EXIF):
            exif += body[len(_EXIF) :]
        elif marker == 0xE1 and body.startswith(_XMP):
            xmp += body
        elif marker == _COMMENT or (marker in _APPLICATION and not _is_kept_segment(marker, body)):
            continue
        else:
            kept.append(piece)
    if (orientation := _orientation(exif, xmp)) != 1:
        body = _EXIF + _tiff(orientation)
        kept.insert(1, b"\xff\xe1" + pack(">H", 2 + len(body)) + body)
    return b"".join(kept)


def _is_kept_segment(marker: int, body: bytes) -> bool:
    return marker in _KEPT_SEGMENTS and body.startswith(_KEPT_SEGMENTS[marker])


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield marker, all bytes and body of each segment. What follows the end marker is left out."""
    position, has_pixels = 2, False
    while match := _MARKER.search(data, position):
        if has_pixels:
            yield 0, data[position : match.start()], b""
        marker, start = match[1][0], match.end()
        if marker in _STANDALONE or marker == _END:
            yield marker, bytes((0xFF, marker)), b""
            if marker == _END:
                return
            position = start
            continue
        (length,) = unpack_from(">H", data, start)
        position = start + length
        yield marker, bytes((0xFF, marker)) + data[start:position], data[start + 2 : position]
        has_pixels = has_pixels or marker == _SCAN
    yield 0, data[position:], b""


def _bare_png(data: bytes) -> bytes:
    kept, exif, xmp = [_PNG], b"", bytearray()
    position, kind = len(_PNG), b""
    while position < len(data) and kind != b"IEND":
        length, kind = unpack_from(">L4s", data, position)
        body, end = data[position + 8 : position + 8 + length], position + 12 + length
        if kind in _KEPT_CHUNKS:
            kept.append(data[position:end])
        elif kind == b"eXIf":
            exif = body
        elif kind == b"iTXt":
            xmp += body
        position = end
    if (orientation := _orientation(exif, xmp)) != 1:
        body = b"eXIf" + _tiff(orientation)
        kept.insert(2, pack(">L", len(body) - 4) + body + pack(">L", zlib.crc32(body)))
    return b"".join(kept)


def _bare_webp(data: bytes) -> bytes:
    kept, exif, xmp = list[bytes](), b"", b""
    position = 12
    while position + 8 <= len(data):
        kind, length = unpack_from("<4sL", data, position)
        body, end = data[position + 8 : position + 8 + length], position + 8 + length + length % 2
        if kind in _KEPT_WEBP:
            kept.append(data[position:end])
        elif kind == b"EXIF":
            exif = body
        elif kind == b"XMP ":
            xmp = body
        position = end
    orientation = _orientation(exif.removeprefix(_EXIF), xmp)
    if kept and kept[0].startswith(b"VP8X"):
        flags = kept[0][8] & ~(_HAS_EXIF | _HAS_XMP) | (_HAS_EXIF if orientation != 1 else 0)
        kept[0] = kept[0][:8] + bytes((flags,)) + kept[0][9:]
    if orientation != 1:
        kept.append(b"EXIF" + pack("<L", len(_tiff(orientation))) + _tiff(orientation))
    body = b"WEBP" + b"".join(kept)
    return b"RIFF" + pack("<L", len(body)) + body


def _gif_blocks(data: bytes) -> Iterator[bytes]:
    """Yield what is kept: header, colours, pictures with their times and transparency, and how often they repeat."""
    position = 13 + _colours_bytes(data[10])
    yield data[:position]
    while position < len(data):
        start, kind = position, data[position]
        if kind == 0x2C:
            position = _after_blocks(data, start + 11 + _colours_bytes(data[start + 9]))
            yield data[start:position]
        elif kind == 0x21:
            position = _after_blocks(data, start + 2)
            if data[start + 1] == 0xF9 or data[start + 3 : start + 14] == b"NETSCAPE2.0":
                yield data[start:position]
        elif kind == 0x3B:
            break
        else:
            position += 1
    yield b"\x3b"


def _colours_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _after_blocks(data: bytes, position: int) -> int:
    while size := data[position]:
        position += size + 1
    return position + 1


def _tiff(orientation: int) -> bytes:
    """Return EXIF data with the orientation alone."""
    return b"MM\0*" + pack(">LHHHLHHL", 8, 1, _ORIENTATION, 3, 1, orientation, 0, 0)


def _orientation(exif: bytes | bytearray, xmp: bytes | bytearray) -> int:
    """Return the orientation, 1 to 8: of the EXIF data, or of the XMP data if the former have none."""
    try:
        found = _exif_orientation(exif)
    except (StructError, KeyError):
        found = None
    if found is None and (match := _XMP_ORIENTATION.search(xmp)):
        found = int(match[1])
    return found if found is not None and 1 <= found <= 8 else 1


def _exif_orientation(tiff: bytes | bytearray) -> int | None:
    order = {b"II": "<", b"MM": ">"}[bytes(tiff[:2])]
    (first,) = unpack_from(f"{order}L", tiff, 4)
    (count,) = unpack_from(f"{order}H", tiff, first)
    for start in range(first + 2, first + 2 + 12 * count, 12):
        tag, _, _, value = unpack_from(f"{order}HHLH", tiff, start)
        if tag == _ORIENTATION:
            return int(value)
    return None
