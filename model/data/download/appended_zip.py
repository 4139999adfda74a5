"""Appends files to a stored zip while it is read: neither its files nor its directory are held in memory or copied to disk."""

import binascii
import os
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from model.errors import CorruptArtifactError

_CHUNK_BYTES = 1 << 20
_LOCAL, _CENTRAL = struct.Struct("<4s5H3L2H"), struct.Struct("<4s6H3L5H2L")
_END, _END_64, _LOCATOR = struct.Struct("<4s4H2LH"), struct.Struct("<4sQ2H2L4Q"), struct.Struct("<4sLQL")
_DATE = 0x21
"""1 January 1980, the first day that a zip can name."""
_UTF_8 = 0x800
_MAX_16, _MAX_32 = 0xFFFF, 0xFFFF_FFFF


@dataclass(frozen=True)
class _Directory:
    """Where the directory of a zip is, and how many entries it has."""

    entries: int
    size: int
    offset: int


class AppendedZip:
    """A zip with further files behind its own. Its comment is dropped."""

    def __init__(self, file: BinaryIO, added: Mapping[str, bytes]) -> None:
        """`file` is open and stays open until the bytes are read.

        Raises:
            CorruptArtifactError: the file is not a zip as this project writes them.
        """
        self._file = file
        self._directory = _read_directory(file)
        entries = [_Entry(name, data) for name, data in added.items()]
        self._files, self._central = b"", b""
        for entry in entries:
            offset = self._directory.offset + len(self._files)
            self._files += entry.local()
            self._central += entry.central(offset)
        self._end = self._ending(len(entries))

    @property
    def size(self) -> int:
        """Number of bytes."""
        before = self._directory.offset + self._directory.size
        return before + len(self._files) + len(self._central) + len(self._end)

    def __iter__(self) -> Iterator[bytes]:
        """Yield the bytes."""
        yield from self._copy(0, self._directory.offset)
        yield self._files
        yield from self._copy(self._directory.offset, self._directory.size)
        yield self._central + self._end

    def _copy(self, offset: int, size: int) -> Iterator[bytes]:
        self._file.seek(offset)
        while size:
            chunk = self._file.read(min(_CHUNK_BYTES, size))
            if not chunk:
                raise CorruptArtifactError(
                    "The images of this dataset are damaged in storage: they are too short."
                )
            size -= len(chunk)
            yield chunk

    def _ending(self, added: int) -> bytes:
        entries = self._directory.entries + added
        size = self._directory.size + len(self._central)
        offset = self._directory.offset + len(self._files)
        end = _END.pack(
            b"PK\5\6", 0, 0, *(min(entries, _MAX_16),) * 2, min(size, _MAX_32), min(offset, _MAX_32), 0
        )
        if entries < _MAX_16 and max(size, offset) < _MAX_32:
            return end
        end_64 = _END_64.pack(b"PK\6\6", _END_64.size - 12, 45, 45, 0, 0, entries, entries, size, offset)
        return end_64 + _LOCATOR.pack(b"PK\6\7", 0, offset + size, 1) + end


class _Entry:
    def __init__(self, name: str, data: bytes) -> None:
        self._name = name.encode()
        self._data = data
        self._facts = (0, 0, _DATE, binascii.crc32(data), len(data), len(data), len(self._name), 0)

    def local(self) -> bytes:
        return _LOCAL.pack(b"PK\3\4", 20, _UTF_8, *self._facts) + self._name + self._data

    def central(self, offset: int) -> bytes:
        if offset < _MAX_32:
            head = _CENTRAL.pack(
                b"PK\1\2", 3 << 8 | 20, 20, _UTF_8, *self._facts, 0, 0, 0, 0o100644 << 16, offset
            )
            return head + self._name
        extra = struct.pack("<2HQ", 1, 8, offset)
        facts = (*self._facts[:7], len(extra))
        head = _CENTRAL.pack(b"PK\1\2", 3 << 8 | 45, 45, _UTF_8, *facts, 0, 0, 0, 0o100644 << 16, _MAX_32)
        return head + self._name + extra


def _read_directory(file: BinaryIO) -> _Directory:
    length = file.seek(0, os.SEEK_END)
    tail_size = min(length, _END.size + _LOCATOR.size + _END_64.size)
    file.seek(length - tail_size)
    tail = file.read(tail_size)
    if len(tail) < _END.size or tail[-_END.size :][:4] != b"PK\5\6":
        raise CorruptArtifactError(
            "The images of this dataset are damaged in storage: their zip has no directory."
        )
    _, _, _, _, entries, size, offset, _ = _END.unpack(tail[-_END.size :])
    if entries < _MAX_16 and max(size, offset) < _MAX_32:
        return _Directory(entries, size, offset)
    if not tail.startswith(b"PK\6\6"):
        raise CorruptArtifactError(
            "The images of this dataset are damaged in storage: their zip has no large directory."
        )
    _, _, _, _, _, _, _, entries, size, offset = _END_64.unpack(tail[: _END_64.size])
    return _Directory(entries, size, offset)
