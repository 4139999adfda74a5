"""Decodes the names of the files in a zip. Many programs write UTF-8 names without saying so."""

import struct
import zlib
from collections.abc import Sequence
from zipfile import ZipInfo

_UTF8_FLAG = 0x800
_UNICODE_PATH = 0x7075
"""The extra field in which Info-ZIP and 7-Zip repeat a name in UTF-8 (APPNOTE.TXT 4.6.9)."""
_SHOWN = 3


def decode_name(info: ZipInfo) -> tuple[str, bool]:
    """Return the name of an entry, and whether its encoding is certain.

    zipfile reads a name without the UTF-8 flag as cp437, as the standard says; that loses no byte. Finder, ditto and
    Info-ZIP write UTF-8 without the flag, and text in any other encoding is hardly ever valid UTF-8.
    """
    name = info.orig_filename
    if info.flag_bits & _UTF8_FLAG or (name.isascii() and not info.extra):
        return name, True
    raw = name.encode("cp437")
    unicode_path = _read_unicode_path(info.extra, raw)
    if unicode_path is not None:
        return unicode_path, True
    try:
        return raw.decode(), True
    except UnicodeDecodeError:
        return name, False


def warn_of_encoding(paths: Sequence[str]) -> list[str]:
    """Return a warning that names folders, or else files, whose names were read as cp437 without certainty."""
    folders = sorted({path.rpartition("/")[0] for path in paths} - {""})
    unclear = [folder for folder in folders if not folder.isascii()] or sorted(paths)
    if not unclear:
        return []
    shown = ", ".join(map(repr, unclear[:_SHOWN])) + (", …" if len(unclear) > _SHOWN else "")
    warning = (
        f"The zip does not say in which encoding it holds {len(paths)} names, so they were read as cp437: {shown}. If "
        "they look wrong, add the folder itself with `ninefold datasets add FOLDER`, or zip it again with UTF-8 names."
    )
    return [warning]


def _read_unicode_path(extra: bytes, raw_name: bytes) -> str | None:
    """Return the name in the Unicode path field, unless the field belongs to another name: the entry was renamed."""
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<HH", extra)
        content, extra = extra[4 : 4 + size], extra[4 + size :]
        if kind != _UNICODE_PATH or len(content) < 6 or content[0] != 1:
            continue
        if struct.unpack_from("<L", content, 1)[0] == zlib.crc32(raw_name):
            try:
                return content[5:].decode()
            except UnicodeDecodeError:
                return None
    return None
