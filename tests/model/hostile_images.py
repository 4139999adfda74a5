"""Makes image files that are valid, or nearly so, and far more work than their size or their pixels tell."""

import io
import random
import struct
import zlib

from PIL import Image

_PNG = b"\x89PNG\r\n\x1a\n"
_ONE_CODE = bytes([1] + [0] * 15)
_TWO_CODES = bytes([1, 1] + [0] * 14)


def jpeg_of_many_scans(side: int, size_bytes: int) -> bytes:
    """Return a progressive grey JPEG of about `size_bytes`, each scan of which says nothing new of all its blocks."""
    blocks = (side // 8) ** 2
    frame = b"\x08" + struct.pack(">HH", side, side) + b"\x01\x01\x11\x00"
    head = b"".join(
        (
            b"\xff\xd8",
            _segment(0xDB, b"\x00" + bytes([1] * 64)),
            _segment(0xC2, frame),
            _segment(0xC4, b"\x00" + _ONE_CODE + b"\x00"),
            _segment(0xDA, b"\x01\x01\x00\x00\x00\x00") + bytes(-(-blocks // 8)),
            _segment(0xC4, b"\x10" + _TWO_CODES + b"\xe0\x00"),
        )
    )
    scan = _segment(0xDA, b"\x01\x01\x00\x01\x3f\x00") + _runs_of_empty_blocks(blocks)
    return head + scan * ((size_bytes - len(head)) // len(scan)) + b"\xff\xd9"


def _runs_of_empty_blocks(blocks: int) -> bytes:
    bits = ""
    while blocks > 0:
        run = min(max(blocks, 16_384), 32_767)
        bits += "0" + format(run - 16_384, "014b")
        blocks -= run
    bits += "1" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8).replace(b"\xff", b"\xff\x00")


def jpeg_of_a_scan_per_colour(side: int) -> bytes:
    """Return a JPEG that is not progressive, but whose colours come one after the other."""
    blocks = (side // 8) ** 2
    frame = b"\x08" + struct.pack(">HH", side, side) + b"\x03\x01\x11\x00\x02\x11\x00\x03\x11\x00"
    scans = (
        _segment(0xDA, b"\x01" + bytes([colour]) + b"\x00\x00\x3f\x00") + bytes(-(-2 * blocks // 8))
        for colour in (1, 2, 3)
    )
    return b"".join(
        (
            b"\xff\xd8",
            _segment(0xDB, b"\x00" + bytes([1] * 64)),
            _segment(0xC0, frame),
            _segment(0xC4, b"\x00" + _ONE_CODE + b"\x00"),
            _segment(0xC4, b"\x10" + _ONE_CODE + b"\x00"),
            *scans,
            b"\xff\xd9",
        )
    )


def jpeg_of_many_exif_parts(size_bytes: int) -> bytes:
    """Return a JPEG with metadata in the smallest parts, which Pillow joins one by one."""
    jpeg, part = _encoded("JPEG"), _segment(0xE1, b"Exif\x00\x00x")
    return jpeg[:2] + part * (size_bytes // len(part)) + jpeg[2:]


def png_of_many_chunks(size_bytes: int) -> bytes:
    """Return a PNG with empty private chunks."""
    png, chunk = _encoded("PNG"), png_chunk(b"prVt", b"")
    return png[:33] + chunk * (size_bytes // len(chunk)) + png[33:]


def png_of_zeros(side: int, *, channels: int, depth: int) -> bytes:
    """Return a PNG whose pixels are all 0: about a thousandth of them."""
    kind = {1: 0, 3: 2, 4: 6}[channels]
    row = bytes(1 + side * channels * depth // 8)
    compressor = zlib.compressobj(9)
    pixels = b"".join(compressor.compress(row) for _ in range(side)) + compressor.flush()
    head = struct.pack(">IIBBBBB", side, side, depth, kind, 0, 0, 0)
    chunks = png_chunk(b"IHDR", head) + png_chunk(b"IDAT", pixels) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def png_chunk(kind: bytes, data: bytes) -> bytes:
    """Return one part of a PNG file."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def gif_of_many_comments(size_bytes: int) -> bytes:
    """Return a GIF with empty comments before its first image."""
    gif = _encoded("GIF")
    start = gif.index(b"\x2c")
    return gif[:start] + b"\x21\xfe\x00" * (size_bytes // 3) + gif[start:]


def bmp_of_short_runs(side: int) -> bytes:
    """Return a BMP of 8 bits whose runs are one pixel long, which Pillow decodes in Python."""
    runs = (b"\x01\x05" * side + b"\x00\x00") * side + b"\x00\x01"
    palette = b"".join(bytes([grey, grey, grey, 0]) for grey in range(256))
    start = 54 + len(palette)
    head = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 8, 1, len(runs), 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", start + len(runs), 0, 0, start) + head + palette + runs


def webp_of_one_colour(side: int) -> bytes:
    """Return a lossless WebP with transparency, of a few bytes."""
    return _encoded("WEBP", side, lossless=True, method=0)


def mutated(data: bytes, draw: random.Random) -> bytes:
    """Return a file with a few random changes, most of them near its beginning."""
    changed = bytearray(data)
    for _ in range(draw.randint(1, 6)):
        place = min(int(draw.expovariate(1 / 200)), len(changed) - 1)
        match draw.randrange(4):
            case 0:
                changed[place] = draw.randrange(256)
            case 1:
                changed[place : place + 4] = draw.choice((b"\xff\xff\xff\xff", bytes(4), b"\x7f\xff\xff\xff"))
            case 2:
                changed[place:place] = changed[place : place + draw.randrange(1, 64)]
            case _:
                del changed[place : place + draw.randrange(1, 16)]
    return _with_checksums(bytes(changed)) if data.startswith(_PNG) else bytes(changed)


def _with_checksums(png: bytes) -> bytes:
    """Return a damaged PNG with the right checksum of each chunk: a wrong one is refused before the chunk is read."""
    parts, place = [png[:8]], 8
    while place + 12 <= len(png):
        end = place + 8 + min(int.from_bytes(png[place : place + 4]), len(png) - place - 12)
        parts.append(png[place:end] + struct.pack(">I", zlib.crc32(png[place + 4 : end])))
        place = end + 4
    return b"".join(parts)


def _segment(marker: int, data: bytes) -> bytes:
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(data) + 2) + data


def _encoded(kind: str, side: int = 64, **options: object) -> bytes:
    file = io.BytesIO()
    mode = {"GIF": "P", "WEBP": "RGBA"}.get(kind, "RGB")
    Image.new(mode, (side, side)).save(file, kind, **options)
    return file.getvalue()
