"""The images that a caller names: files, and those in folders and zips."""

import os
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from ninefold.client.datasets.folder_zip import IMAGE_ENDINGS, open_file
from ninefold.errors import NinefoldError


@dataclass(frozen=True)
class ImageFile:
    """One image."""

    shown: str
    """How a person finds it: the path of the file, or of the zip and the path within it."""
    name: str
    """Of the file; within a folder or a zip its path there."""
    size_bytes: int
    read: Callable[[], bytes | IO[bytes]]
    """Returns the bytes, or the open file."""
    error: NinefoldError | None = None
    """Why a file of a folder cannot be read."""


def find_images(paths: Iterable[str | Path | ImageFile], stack: ExitStack) -> list[ImageFile]:
    """Return the images of files, folders and zips, in this order; the images of a folder or a zip are sorted by their paths.

    In a folder or a zip, only files that are named like images count, and nothing hidden. A file of a folder that cannot be
    read has an `error`. Zips stay open until the stack is closed.

    Raises:
        NinefoldError: a file that is named itself, or a zip, cannot be read, or a folder or a zip has no image.
    """
    found: list[ImageFile] = []
    for path in paths:
        found += [path] if isinstance(path, ImageFile) else _images_at(Path(path), stack)
    return found


def _images_at(path: Path, stack: ExitStack) -> list[ImageFile]:
    if path.is_dir():
        found = [_file_of_folder(file, file.relative_to(path).as_posix()) for file in _files_below(path)]
    elif path.suffix.lower() == ".zip":
        found = list(_members(path, stack))
    else:
        return [_file(path, path.name)]
    if not found:
        endings = ", ".join(IMAGE_ENDINGS)
        raise NinefoldError(
            f"{path} has no image: no file in it ends with one of {endings}.", code="no_images"
        )
    return found


def _file(path: Path, name: str) -> ImageFile:
    with open_file(path) as file:
        size = os.fstat(file.fileno()).st_size
    return ImageFile(str(path), name, size, partial(open_file, path))


def _file_of_folder(path: Path, name: str) -> ImageFile:
    try:
        return _file(path, name)
    except NinefoldError as error:
        return ImageFile(str(path), name, 0, partial(open_file, path), error)


def _files_below(folder: Path) -> Iterator[Path]:
    for inner, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(inner, name) for name in sorted(names) if _is_named_like_image(name))


def _members(path: Path, stack: ExitStack) -> Iterator[ImageFile]:
    try:
        archive = stack.enter_context(zipfile.ZipFile(stack.enter_context(open_file(path))))
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise NinefoldError(f"{path} cannot be read as a zip: {error}.", code="unreadable_file") from error
    for member in sorted(archive.infolist(), key=lambda one: one.filename):
        if not member.is_dir() and _is_visible_image(PurePosixPath(member.filename)):
            read = partial(_read_member, archive, member, path)
            yield ImageFile(f"{path}/{member.filename}", member.filename, member.file_size, read)


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> bytes:
    try:
        return archive.read(member)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError) as error:
        raise NinefoldError(
            f"{path}/{member.filename} cannot be read: {error}.", code="unreadable_file"
        ) from error


def _is_visible_image(path: PurePosixPath) -> bool:
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    return not hidden and _is_named_like_image(path.name)


def _is_named_like_image(name: str) -> bool:
    return not name.startswith(".") and name.lower().endswith(IMAGE_ENDINGS)
