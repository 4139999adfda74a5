"""Lists the files of a folder. Follows links to files and folders, and names what cannot be read."""

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from model.data.files.file_endings import is_image_name

HIDDEN = "a hidden folder with images: let its name begin with another character than a dot if it is a class"

_SEARCHED_FOLDERS = 300


@dataclass(frozen=True)
class FoundFile:
    """A file below a folder, or something in a file's place."""

    path: Path
    relative: str
    """The path below the folder, with forward slashes. Bytes that are not UTF-8 are read as Latin-1."""
    size_bytes: int = 0
    problem: str | None = None
    """Why it cannot be read and what to do; None for a file."""
    is_folder: bool = False


def walk_folder(root: Path, is_ignored: Callable[[str], bool]) -> Iterator[FoundFile]:
    """Yield each folder, then what is in it, sorted by name.

    Args:
        root: the folder.
        is_ignored: whether files and folders of this name are left out.
    """
    yield from _walk(root, "", is_ignored, frozenset())


def _walk(
    folder: Path, relative: str, is_ignored: Callable[[str], bool], outer: frozenset[tuple[int, int]]
) -> Iterator[FoundFile]:
    """`outer` identifies the folders that are being listed: a link to one of them would never end."""
    try:
        status = folder.stat()
        names = sorted(path.name for path in folder.iterdir())
    except OSError as error:
        yield FoundFile(folder, relative, problem=f"the folder cannot be read: {error.strerror}")
        return
    this = (status.st_dev, status.st_ino)
    if this in outer:
        yield FoundFile(folder, relative, problem="a link to a folder that contains it: remove the link")
        return
    yield FoundFile(folder, relative, is_folder=True)
    for name in names:
        if not is_ignored(name):
            yield from _look_at(folder / name, _join(relative, name), is_ignored, outer | {this})
        elif name.startswith(".") and _holds_images(folder / name):
            yield FoundFile(folder / name, _join(relative, name), problem=HIDDEN)


def _holds_images(folder: Path) -> bool:
    """Whether a folder or the first of its subfolders hold images; false for a file and for what may not be read."""
    inside = islice(os.walk(folder), _SEARCHED_FOLDERS)
    return any(is_image_name(name) for _, _, names in inside for name in names)


def _look_at(
    path: Path, relative: str, is_ignored: Callable[[str], bool], outer: frozenset[tuple[int, int]]
) -> Iterator[FoundFile]:
    try:
        status = path.stat()
    except OSError as error:
        is_link = os.path.islink(path)  # noqa: PTH114 - Path.is_symlink raises in a folder that may not be entered
        kind = "a link to nothing" if is_link else f"cannot be read: {error.strerror}"
        yield FoundFile(path, relative, problem=kind)
        return
    if stat.S_ISDIR(status.st_mode):
        yield from _walk(path, relative, is_ignored, outer)
    elif stat.S_ISREG(status.st_mode):
        yield FoundFile(path, relative, status.st_size)
    else:
        yield FoundFile(path, relative, problem="a device, not a file: put the file itself there")


def _join(folder: str, name: str) -> str:
    try:
        name.encode()
    except UnicodeEncodeError:
        name = os.fsencode(name).decode("latin-1")
    return f"{folder}/{name}" if folder else name
