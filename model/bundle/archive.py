"""Writes files into a zip while it is read: nothing is copied, compressed or held in memory. Equal files give equal bytes."""

import hashlib
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from model.data.download.zip_entries import Entry, end_of_directory
from model.errors import CorruptArtifactError

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class _Member:
    entry: Entry
    source: Path | bytes

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes of the file."""
        sent = 0
        for chunk in _chunks(self.source):
            sent += len(chunk)
            yield chunk
        if sent != self.entry.size:
            raise CorruptArtifactError(f"{self.entry.name} has changed in storage while it was sent.")


class FilesZip:
    """A zip of files."""

    def __init__(self, members: Sequence[_Member]) -> None:
        self._members = members
        directory, offset = b"", 0
        for member in members:
            directory += member.entry.central(offset)
            offset += len(member.entry.head()) + member.entry.size
        self._end = directory + end_of_directory(len(members), len(directory), offset)
        self.size = offset + len(self._end)
        """Number of bytes."""

    @classmethod
    def of(cls, files: Mapping[str, Path | bytes], expected: Mapping[str, str]) -> "FilesZip":
        """Read all files once, for their sizes and checksums.

        Args:
            files: by name, in their order.
            expected: the SHA-256 of those whose bytes are known.

        Raises:
            CorruptArtifactError: a file has other bytes.
            FileNotFoundError: a file is gone.
        """
        return cls([_examine(name, source, expected.get(name)) for name, source in files.items()])

    @property
    def etag(self) -> str:
        """Names the contents: it follows from names, sizes and checksums."""
        return hashlib.sha256(self._end).hexdigest()

    def __iter__(self) -> Iterator[bytes]:
        """Yield the bytes; raises CorruptArtifactError when a file changes meanwhile."""
        for member in self._members:
            yield member.entry.head()
            yield from member.chunks()
        yield self._end


def _chunks(source: Path | bytes) -> Iterator[bytes]:
    if isinstance(source, bytes):
        yield source
        return
    with source.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk


def _examine(name: str, source: Path | bytes, expected: str | None) -> _Member:
    digest, crc, size = hashlib.sha256(), 0, 0
    for chunk in _chunks(source):
        digest.update(chunk)
        crc = zlib.crc32(chunk, crc)
        size += len(chunk)
    if expected is not None and digest.hexdigest() != expected:
        raise CorruptArtifactError(
            f"{name} is not the file that was published: restore it from a backup, or train the model again."
        )
    return _Member(Entry(name, size, crc), source)
