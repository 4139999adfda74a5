"""A dataset's folder as one zip file, made on the fly."""

import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ninefold.errors import NinefoldError


@contextmanager
def as_zip(path: Path) -> Iterator[IO[bytes]]:
    """Open a zip as it is, or a folder as an uncompressed zip in a temporary file: images are compressed already."""
    if path.is_dir():
        with tempfile.TemporaryFile() as file:
            _pack(path, file)
            file.seek(0)
            yield file
        return
    try:
        file_at = path.open("rb")
    except OSError as error:
        raise NinefoldError(f"{path}: {error.strerror}", code="unreadable_file") from error
    with file_at:
        yield file_at


def _pack(folder: Path, into: IO[bytes]) -> None:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not _is_hidden(path, folder)]
    if not files:
        raise NinefoldError(
            f"{folder} holds no files. Expected: a folder for each class.", code="empty_folder"
        )
    # Old timestamps are clamped: a zip cannot say 1970.
    with zipfile.ZipFile(into, "w", zipfile.ZIP_STORED, strict_timestamps=False) as archive:
        for path in files:
            archive.write(path, path.relative_to(folder))


def _is_hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)
