"""Packs the folder of a dataset into one zip file for the upload."""

import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ninefold.errors import NinefoldError


@contextmanager
def open_as_zip(path: Path) -> Iterator[IO[bytes]]:
    """Open a zip file, or pack a folder into a temporary zip file and open that.

    The folder's files are stored uncompressed: image files are compressed already.
    """
    if path.is_dir():
        with tempfile.TemporaryFile() as file:
            _pack(path, file)
            file.seek(0)
            yield file
        return
    with open_file(path) as file:
        yield file


def open_file(path: Path) -> IO[bytes]:
    """Open a file to read; raises NinefoldError when the file cannot be opened."""
    try:
        return path.open("rb")
    except OSError as error:
        raise NinefoldError(f"{path}: {error.strerror}", code="unreadable_file") from error


def _pack(folder: Path, target: IO[bytes]) -> None:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not _is_hidden(path, folder)]
    if not files:
        raise NinefoldError(
            f"{folder} holds no files. Expected: a folder for each class.", code="empty_folder"
        )
    # Timestamps before 1980 are clamped: the zip format cannot store them.
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED, strict_timestamps=False) as archive:
        for path in files:
            archive.write(path, path.relative_to(folder))


def _is_hidden(path: Path, folder: Path) -> bool:
    return any(name.startswith(".") for name in path.relative_to(folder).parts)
