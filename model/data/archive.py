"""Reads the files of an untrusted folder or zip one at a time, without unpacking the zip to disk."""

import lzma
import os
import re
import stat
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO
from zipfile import BadZipFile, LargeZipFile, ZipFile, ZipInfo

from model.data.files.characters import shorten
from model.data.files.file_endings import is_image_name
from model.data.files.folder_walk import HIDDEN, walk_folder
from model.data.files.not_images import reason_by_name
from model.data.files.other_archives import HEAD_BYTES, describe_archive
from model.data.files.zip_names import decode_names, warn_of_backslashes, warn_of_encoding
from model.data.record import SkippedFile
from model.errors import DatasetRejectedError, ImageError

IGNORED_NAMES = frozenset({"__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin"})
"""Names, in lower case, of files that operating systems create. Names that start with a dot are ignored as well."""
LABELS_FILE = "labels.csv"
"""The table that goes before the folders."""
RATIO_MATTERS_FROM_BYTES = 1 << 20
"""The compression ratio of smaller files is not checked: small files are harmless."""

_DEFLATE64 = 9
"""What the Explorer of Windows writes for files beyond 2 GiB."""

_UNREADABLE = (
    BadZipFile,
    RuntimeError,
    OSError,
    EOFError,
    ValueError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
)
_OUTSIDE = "a link out of the folders that the operator allows: put the file itself there"
_END_OF_DIRECTORY, _END_OF_DIRECTORY_64 = b"PK\5\6", b"PK\6\6"
_TAIL_BYTES = 65_535 + 22 + 20 + 56
"""Maximum size of the end of a zip: the longest comment and the three records that end the directory."""


@dataclass(frozen=True)
class ImportLimits:
    """Limits on the files of one import."""

    max_files: int = 200_000
    max_total_bytes: int = 20 << 30
    max_file_bytes: int = 64 << 20
    max_compression_ratio: int = 200
    max_directory_bytes: int = 32 << 20
    """Limit on the size of a zip's central directory, which zipfile reads into memory."""
    within: tuple[Path, ...] = ()
    """The folders in which every file must lie, links followed; empty for no limit. Without links in themselves."""


@dataclass(frozen=True)
class SourceFile:
    """A file of a folder or zip."""

    path: str
    """Relative to the root of the source, with forward slashes."""
    size_bytes: int
    read: Callable[[], bytes]
    """Return the file's bytes; raises ImageError when the file cannot be read. Several threads may call the function at once."""
    known_as: str = ""
    """The path that people know, if `path` is another one."""

    @property
    def shown_path(self) -> str:
        """The path to name in messages and lists."""
        return self.known_as or self.path


@dataclass(frozen=True)
class Source:
    """The readable files of a folder or zip, and the files that were skipped without reading them."""

    files: list[SourceFile] = field(default_factory=list)
    skipped: list[SkippedFile] = field(default_factory=list)
    empty_folders: list[str] = field(default_factory=list)
    """Folders that hold no file at any depth."""
    warnings: list[str] = field(default_factory=list)


@contextmanager
def open_source(path: Path, limits: ImportLimits) -> Iterator[Source]:
    """Open a folder or a zip file; raises DatasetRejectedError when the path is neither, or is hostile or too large."""
    if limits.within and not _lies_within(path, limits):
        raise DatasetRejectedError(f"The source is {_OUTSIDE}.")
    _check_permission(path)
    if path.is_dir():
        yield _check_limits(_list_folder(path, limits), limits)
    elif path.is_file():
        with _open_zip(path, limits) as archive:
            yield _check_limits(_list_zip(archive, limits), limits)
    else:
        raise DatasetRejectedError(f"{path.name!r} is no folder and no file: check the path.")


def _check_permission(path: Path) -> None:
    try:
        if path.is_dir():
            os.scandir(path).close()
        elif path.is_file():
            path.open("rb").close()
    except OSError as error:
        raise DatasetRejectedError(f"{path.name!r} cannot be read: {error.strerror}.") from error


def _check_limits(source: Source, limits: ImportLimits) -> Source:
    files, total_bytes = len(source.files), sum(file.size_bytes for file in source.files)
    if files > limits.max_files:
        raise DatasetRejectedError(f"{files} files are too many: at most {limits.max_files} are allowed.")
    if total_bytes > limits.max_total_bytes:
        raise DatasetRejectedError(
            f"The files hold {total_bytes / 2**30:.1f} GiB unpacked: at most {limits.max_total_bytes / 2**30:g} GiB "
            "are allowed. Send smaller copies of the images; models use at most 224 pixels a side."
        )
    return source


def _list_folder(root: Path, limits: ImportLimits) -> Source:
    source, folders = Source(), []
    for found in walk_folder(root, _is_ignored):
        if found.is_folder:
            folders.append(found.relative)
        elif found.problem is not None:
            _skip(source, found.relative, found.problem)
        elif found.size_bytes > limits.max_file_bytes:
            _skip(source, found.relative, _too_large(found.relative, limits))
        else:
            read = partial(_read_file, found.path, limits)
            source.files.append(SourceFile(found.relative, found.size_bytes, read))
        if len(source.files) > limits.max_files:
            break  # the caller refuses the folder, so listing further files is unnecessary
    _note_empty(folders, source)
    return source


def _note_empty(folders: Iterable[str], source: Source) -> None:
    """Note which of the folders hold no file at any depth."""
    paths = [*(file.path for file in source.files), *(file.path for file in source.skipped)]
    nearest = {path.rpartition("/")[0] for path in paths}
    filled = nearest | {parent.as_posix() for folder in nearest for parent in PurePosixPath(folder).parents}
    source.empty_folders.extend(sorted(set(folders) - filled - {".", ""}))


def _check_place(file: IO[bytes], limits: ImportLimits) -> None:
    """Check where an open file lies, however its path led there: the path may be another one by now."""
    if not limits.within:
        return
    if not _lies_within(Path(f"/proc/self/fd/{file.fileno()}"), limits):
        raise ImageError(_OUTSIDE)


def _lies_within(path: Path, limits: ImportLimits) -> bool:
    place = path.resolve()
    return any(place.is_relative_to(folder) for folder in limits.within)


def _read_file(path: Path, limits: ImportLimits) -> bytes:
    try:
        with path.open("rb") as file:
            _check_place(file, limits)
            data = file.read(limits.max_file_bytes + 1)
    except OSError as error:
        raise ImageError(f"cannot be read: {error.strerror}") from error
    if len(data) > limits.max_file_bytes:
        raise ImageError(_too_large(path.name, limits))
    return data


@contextmanager
def _open_zip(path: Path, limits: ImportLimits) -> Iterator[ZipFile]:
    _check_directory_size(path, limits)
    try:
        archive = ZipFile(path)
    except (*_UNREADABLE, NotImplementedError, LargeZipFile) as error:
        raise DatasetRejectedError(
            _describe_unreadable(path)
            or f"This is not a zip file, or a damaged one ({error}): send a zip with one folder of images per class."
        ) from error
    with archive:
        yield archive


def _describe_unreadable(path: Path) -> str | None:
    """Say what a file is that cannot be read as a zip, if its first and last bytes tell."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if head.startswith(b"PK\3\4") and _END_OF_DIRECTORY not in _read_tail(path):
        return "The zip is incomplete: its end is missing. Make, copy or download it again."
    return describe_archive(head)


def _read_tail(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        return file.read()


def _check_directory_size(path: Path, limits: ImportLimits) -> None:
    """Refuse a zip whose central directory is too large for memory, before zipfile reads the directory."""
    tail = _read_tail(path)
    sizes = [0]
    for magic, layout in ((_END_OF_DIRECTORY, "<12xL"), (_END_OF_DIRECTORY_64, "<40xQ")):
        # A hostile zip may contain several end records; check all of them, since zipfile may use any.
        start = tail.find(magic)
        while start >= 0:
            if len(tail) - start >= struct.calcsize(layout):
                sizes.append(struct.unpack_from(layout, tail, start)[0])
            start = tail.find(magic, start + 1)
    if max(size for size in sizes if size != 0xFFFF_FFFF) > limits.max_directory_bytes:
        raise DatasetRejectedError(f"The zip lists too many files: at most {limits.max_files} are allowed.")


def _list_zip(archive: ZipFile, limits: ImportLimits) -> Source:
    source, unclear, folders = Source(), list[str](), list[str]()
    hidden, infos = set[str](), archive.infolist()
    names = decode_names(infos)
    for info, (name, is_certain) in zip(infos, names, strict=True):
        path = _safe_path(name)
        if any(_is_ignored(part) for part in path.split("/")):
            if (folder := _hidden_folder(path)) is not None:
                hidden.add(folder)
            continue
        if info.is_dir():
            folders.append(path)
            continue
        if not is_certain:
            unclear.append(path)
        reason = _reason_to_skip(info, limits)
        if reason is not None:
            _skip(source, path, reason)
        else:
            source.files.append(SourceFile(path, info.file_size, partial(_read_entry, archive, info)))
    for folder in sorted(hidden):
        _skip(source, folder, HIDDEN)
    source.files.sort(key=lambda file: file.path)
    _note_empty(folders, source)
    source.warnings.extend([*warn_of_encoding(unclear), *warn_of_backslashes(infos)])
    return source


def _hidden_folder(path: str) -> str | None:
    """Return the folder of an image whose name begins with a dot, in folders that are not ignored."""
    folder, _, name = path.rpartition("/")
    *outer, nearest = folder.split("/")
    is_hidden = nearest.startswith(".") and is_image_name(name)
    return folder if is_hidden and not any(map(_is_ignored, (*outer, name))) else None


def _safe_path(name: str) -> str:
    """Return the path of an entry, with forward slashes: old Windows tools write backslashes."""
    path = name.replace("\\", "/").removeprefix("./")
    parts = path.split("/")
    if "\0" in path or path.startswith("/") or re.match("[A-Za-z]:/", path) or ".." in parts:
        raise DatasetRejectedError(
            f"The zip names a file outside itself, {shorten(name)!r}: nothing was imported. Create the zip again from the folder."
        )
    return "/".join(part for part in parts if part not in ("", "."))


def _reason_to_skip(info: ZipInfo, limits: ImportLimits) -> str | None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        return "a link or a device, not a file: put the file itself there"
    if info.flag_bits & 1:
        return "protected by a password: create the zip without a password"
    if info.file_size > limits.max_file_bytes:
        return _too_large(info.filename, limits)
    packed_bytes = max(info.compress_size, 1)
    if info.file_size > max(RATIO_MATTERS_FROM_BYTES, limits.max_compression_ratio * packed_bytes):
        return f"unpacks to more than {limits.max_compression_ratio} times its size, as zip bombs do"
    return None


def _read_entry(archive: ZipFile, info: ZipInfo) -> bytes:
    """Read an entry. zipfile reads no more than the size stated in the directory and then compares the checksum."""
    try:
        return archive.read(info)
    except NotImplementedError as error:
        method = "Deflate64" if info.compress_type == _DEFLATE64 else f"number {info.compress_type}"
        raise ImageError(
            f"packed by a method that is not supported ({method}): make the zip with `zip -r`, or add the folder"
        ) from error
    except _UNREADABLE as error:
        raise ImageError(f"cannot be unpacked ({str(error)[:120]}): make or copy the zip again") from error


def _skip(source: Source, path: str, reason: str) -> None:
    source.skipped.append(SkippedFile(path=path, reason=reason))


def _is_ignored(name: str) -> bool:
    return name.startswith(".") or name.lower() in IGNORED_NAMES


def _too_large(path: str, limits: ImportLimits) -> str:
    if path.rpartition("/")[2].lower() == LABELS_FILE:
        raise DatasetRejectedError(
            f"{LABELS_FILE} is larger than {limits.max_file_bytes >> 20} MiB: keep only its columns with the images and the "
            "classes."
        )
    if not is_image_name(path):
        return reason_by_name(path)
    return f"larger than {limits.max_file_bytes >> 20} MiB: send a smaller copy"
