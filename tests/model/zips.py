"""Writes zips as other programs do, with names as raw bytes and without the UTF-8 flag."""

import struct
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path


def write_raw_zip(
    path: Path,
    files: Iterable[tuple[bytes, bytes]],
    *,
    unicode_path: Callable[[bytes], bytes] | None = None,
    system: int = 3,
) -> Path:
    """Write an uncompressed zip.

    Args:
        path: the zip.
        files: the name and the contents of each file.
        unicode_path: returns the extra fields of a name.
        system: 3 as on Unix and macOS, 0 as on Windows.
    """
    local, directory, count = bytearray(), bytearray(), 0
    for name, data in files:
        extra = unicode_path(name) if unicode_path else b""
        sizes = struct.pack("<LLLHH", zlib.crc32(data), len(data), len(data), len(name), len(extra))
        directory += struct.pack("<4sHHHHHH", b"PK\1\2", 20 | system << 8, 20, 0, 0, 0, 0x21) + sizes
        directory += struct.pack("<HHHLL", 0, 0, 0, 0o100644 << 16 if system else 0, len(local))
        directory += name + extra
        local += struct.pack("<4sHHHHH", b"PK\3\4", 20, 0, 0, 0, 0x21) + sizes + name + extra + data
        count += 1
    end = struct.pack("<4sHHHHLLH", b"PK\5\6", 0, 0, count, count, len(directory), len(local), 0)
    path.write_bytes(bytes(local + directory) + end)
    return path


def unicode_path_field(name: bytes, unicode_name: str) -> bytes:
    """Return the extra field 0x7075, which repeats the name of an entry in UTF-8."""
    content = struct.pack("<BL", 1, zlib.crc32(name)) + unicode_name.encode()
    return struct.pack("<HH", 0x7075, len(content)) + content
