"""Appends files to a stored zip while it is read: neither its files nor its directory are held in memory or copied to disk."""

import binascii
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from model.data.download.zip_entries import END, END_64, LOCATOR, MAX_16, MAX_32, Entry, end_of_directory
from model.errors import CorruptArtifactError

_CHUNK_BYTES = 1 << 20


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
        self._files, self._central = b"", b""
        for name, data in added.items():
            entry = Entry(name, len(data), binascii.crc32(data))
            self._central += entry.central(self._directory.offset + len(self._files))
            self._files += entry.head() + data
        self._end = self._ending(len(added))

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
        return end_of_directory(entries, size, self._directory.offset + len(self._files))


def _read_directory(file: BinaryIO) -> _Directory:
    length = file.seek(0, os.SEEK_END)
    tail_size = min(length, END.size + LOCATOR.size + END_64.size)
    file.seek(length - tail_size)
    tail = file.read(tail_size)
    if len(tail) < END.size or tail[-END.size :][:4] != b"PK\5\6":
        raise CorruptArtifactError(
            "The images of this dataset are damaged in storage: their zip has no directory."
        )
    _, _, _, _, entries, size, offset, _ = END.unpack(tail[-END.size :])
    if entries < MAX_16 and max(size, offset) < MAX_32:
        return _Directory(entries, size, offset)
    if not tail.startswith(b"PK\6\6"):
        raise CorruptArtifactError(
            "The images of this dataset are damaged in storage: their zip has no large directory."
        )
    _, _, _, _, _, _, _, entries, size, offset = END_64.unpack(tail[: END_64.size])
    return _Directory(entries, size, offset)
