"""Decodes the names of the files in a zip. Many programs write UTF-8 names without saying so."""

import struct
import zlib
from collections.abc import Sequence
from zipfile import ZipInfo

_UTF8_FLAG = 0x800
_UNICODE_PATH = 0x7075
"""The extra field in which Info-ZIP and 7-Zip repeat a name in UTF-8 (APPNOTE.TXT 4.6.9)."""
_SHOWN = 3
_UNIX = 3
"""The system that zips of Linux and macOS state."""


def decode_names(infos: Sequence[ZipInfo]) -> list[tuple[str, bool]]:
    """Return the name of each entry, and whether its encoding is certain.

    zipfile reads a name without the UTF-8 flag as cp437, as the standard says; that loses no byte. Finder, ditto and
    Info-ZIP write UTF-8 without the flag, and text in any other encoding is hardly ever valid UTF-8. One Chinese character
    may be, so UTF-8 is taken only if it fits more of the zip's names than not.
    """
    stated = [_stated_name(info) for info in infos]
    raws = [
        info.orig_filename.encode("cp437") for info, name in zip(infos, stated, strict=True) if name is None
    ]
    parts = {part for raw in raws for part in raw.replace(b"\\", b"/").split(b"/") if not part.isascii()}
    is_utf8 = 2 * sum(_decode_utf8(part) is not None for part in parts) > len(parts)
    decoded = []
    for info, name in zip(infos, stated, strict=True):
        found = name
        if found is None and is_utf8:
            found = _decode_utf8(info.orig_filename.encode("cp437"))
        decoded.append((info.orig_filename, False) if found is None else (found, True))
    return decoded


def _stated_name(info: ZipInfo) -> str | None:
    """Return the name of an entry that says its encoding, or needs none."""
    name = info.orig_filename
    if info.flag_bits & _UTF8_FLAG or (name.isascii() and not info.extra):
        return name
    unicode_path = _read_unicode_path(info.extra, name.encode("cp437"))
    return name if unicode_path is None and name.isascii() else unicode_path


def _decode_utf8(raw: bytes) -> str | None:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None


def warn_of_backslashes(infos: Sequence[ZipInfo]) -> list[str]:
    """Return a warning if folders of Linux or macOS have backslashes in their names, which count as slashes."""
    names = [info.orig_filename for info in infos if info.create_system == _UNIX]
    both = next((name for name in names if "\\" in name and "/" in name), None)
    if both is None:
        return []
    folder = both.replace("\\", "/").rpartition("/")[0]
    warning = (
        f"Backslashes in the zip count as slashes, as old Windows programs write them: {both} lies in the folder {folder}. "
        "If a backslash belongs to a name, rename the folder."
    )
    return [warning]


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
            return _decode_utf8(content[5:])
    return None
