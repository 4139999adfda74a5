"""Packs the folder of a dataset into one zip while it is sent, without a copy on disk."""

import os
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO

from ninefold.errors import NinefoldError

_CHUNK_BYTES = 1 << 16
_HIDDEN = "a hidden folder with images: let its name begin with another character than a dot if it is a class"
IMAGE_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".heic")
_SEARCHED_FOLDERS = 300


@dataclass(frozen=True)
class FolderZip:
    """The zip of a folder. Each iteration reads the files again and yields the same bytes."""

    size: int
    """Bytes of the files."""
    not_sent: list[str]
    """What is left out, each with the reason."""
    _members: list[tuple[Path, str]]
    """The files and empty folders, with their names in the zip."""
    _texts: dict[str, str]
    """Further files, by name in the zip."""

    def __iter__(self) -> Iterator[bytes]:
        """Yield the zip. The files are stored uncompressed: image files are compressed already.

        Raises:
            NinefoldError: a file can no longer be read.
        """
        sink = _Sink()
        with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:  # type: ignore[call-overload]  # no seek
            for name, text in self._texts.items():
                archive.writestr(zipfile.ZipInfo(name), text)
            for path, name in self._members:
                # Timestamps before 1980 are clamped: the zip format cannot store them.
                try:
                    entry = zipfile.ZipInfo.from_file(path, name, strict_timestamps=False)
                except OSError as error:
                    raise _unreadable(path, error) from error
                if entry.is_dir():
                    archive.writestr(entry, b"")
                    continue
                with archive.open(entry, "w") as target, open_file(path) as source:
                    while chunk := _read(source, path):
                        target.write(chunk)
                        yield sink.take()
        yield sink.take()


class _Sink:
    """Keeps what zipfile writes until it is taken. It cannot seek, so zipfile writes each size behind its file."""

    def __init__(self) -> None:
        self._data = bytearray()

    def write(self, data: bytes) -> int:
        self._data += data
        return len(data)

    def flush(self) -> None:
        """Nothing is buffered elsewhere."""

    def take(self) -> bytes:
        data = bytes(self._data)
        self._data.clear()
        return data


def zip_folder(folder: Path, table: Path | None = None, texts: dict[str, str] | None = None) -> FolderZip:
    """Return the zip of a folder, without hidden files and folders.

    A `table` that lies elsewhere, and `texts`, are put beside its files.

    Links are followed; links that lead nowhere or in a circle, and files that cannot be read, are left out.
    """
    listing = _Listing()
    _list(folder, "", frozenset(), listing)
    if not listing.files:
        reasons = "".join(f" Not readable: {reason}." for reason in listing.not_sent[:3])
        raise NinefoldError(
            f"{folder} holds no files. Expected: a folder for each class.{reasons}", code="empty_folder"
        )
    filled = {name.rpartition("/")[0] for _, name in listing.files}
    filled |= {folder[:end] for folder in filled for end in range(len(folder)) if folder[end] == "/"}
    # The service names classes whose folder is empty.
    empty = [(path, name) for path, name in listing.folders if name not in filled]
    tables = [(table, table.name)] if table is not None else []
    size = sum(path.stat().st_size for path, _ in (*listing.files, *tables))
    return FolderZip(size, listing.not_sent, [*listing.files, *empty, *tables], texts or {})


@dataclass
class _Listing:
    files: list[tuple[Path, str]] = field(default_factory=list)
    folders: list[tuple[Path, str]] = field(default_factory=list)
    not_sent: list[str] = field(default_factory=list)


def _list(path: Path, name: str, outer: frozenset[tuple[int, int]], listing: _Listing) -> None:
    """Add what lies at a path. `outer` identifies the folders around it: a link to one of them would never end."""
    try:
        status = path.stat()
        this = (status.st_dev, status.st_ino)
        if this in outer:
            listing.not_sent.append(f"{name}: a link to a folder that contains it")
        elif stat.S_ISDIR(status.st_mode):
            children = sorted(child.name for child in path.iterdir())
            if name:
                listing.folders.append((path, name))
            for child in children:
                inner = f"{name}/{_in_unicode(child)}" if name else _in_unicode(child)
                if not child.startswith("."):
                    _list(path / child, inner, outer | {this}, listing)
                elif _holds_images(path / child):
                    listing.not_sent.append(f"{inner}/: {_HIDDEN}")
        elif not stat.S_ISREG(status.st_mode):
            listing.not_sent.append(f"{name}: not a file")
        elif not os.access(path, os.R_OK):
            listing.not_sent.append(f"{name}: you may not read it")
        else:
            listing.files.append((path, name))
    except OSError as error:
        listing.not_sent.append(f"{name}: {error.strerror}")


def _holds_images(folder: Path) -> bool:
    """Whether a folder or the first of its subfolders hold images; false for a file and for what may not be read."""
    inside = islice(os.walk(folder), _SEARCHED_FOLDERS)
    return any(name.lower().endswith(IMAGE_ENDINGS) for _, _, names in inside for name in names)


def _in_unicode(name: str) -> str:
    """Return the name of a file; bytes that are not UTF-8 are read as Latin-1."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return os.fsencode(name).decode("latin-1")
    return name


def _read(source: IO[bytes], path: Path) -> bytes:
    try:
        return source.read(_CHUNK_BYTES)
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> NinefoldError:
    name = _in_unicode(str(path))
    return NinefoldError(
        f"{name} cannot be read: {error.strerror}. Remove it or mend it.", code="unreadable_file"
    )


def open_file(path: Path) -> IO[bytes]:
    """Open a file to read; raises NinefoldError when the file cannot be opened."""
    try:
        return path.open("rb")
    except OSError as error:
        raise NinefoldError(f"{_in_unicode(str(path))}: {error.strerror}", code="unreadable_file") from error


def find_table(folder: Path, labels: str | Path) -> tuple[str, Path | None]:
    """Return the path that the table `labels` has in the zip of a folder, and the table itself if it lies elsewhere.

    `labels` is relative to the current folder or to `folder`.
    """
    inside = next((file for file in (folder / labels, Path(labels)) if file.is_file()), None)
    if inside is None:
        raise NinefoldError(f"There is no file {labels}, here or in {folder}.", code="labels_not_found")
    if inside.resolve().is_relative_to(folder.resolve()):
        return inside.resolve().relative_to(folder.resolve()).as_posix(), None
    if (folder / inside.name).exists():
        raise NinefoldError(
            f"{folder} holds a {inside.name} already: rename {inside}, so that both can be sent.",
            code="labels_ambiguous",
        )
    return inside.name, inside
