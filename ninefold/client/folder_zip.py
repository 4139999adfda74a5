"""Packs the folder of a dataset into one zip file for the upload."""

import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ninefold.errors import NinefoldError


@contextmanager
def open_as_zip(path: Path, table: Path | None = None) -> Iterator[IO[bytes]]:
    """Open a zip file, or pack a folder into a temporary zip file and open that.

    The folder's files are stored uncompressed: image files are compressed already. A `table` that lies elsewhere is put
    beside them.
    """
    if path.is_dir():
        with tempfile.TemporaryFile() as file:
            _pack(path, file, table)
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


def _pack(folder: Path, target: IO[bytes], table: Path | None) -> None:
    found = [path for path in sorted(folder.rglob("*")) if not _is_hidden(path, folder)]
    files = [path for path in found if path.is_file()]
    filled = {parent for path in files for parent in path.parents}
    # The service names classes whose folder is empty.
    empty = [path for path in found if path.is_dir() and path not in filled]
    if not files:
        raise NinefoldError(
            f"{folder} holds no files. Expected: a folder for each class.", code="empty_folder"
        )
    # Timestamps before 1980 are clamped: the zip format cannot store them.
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED, strict_timestamps=False) as archive:
        for path in (*files, *empty):
            archive.write(path, path.relative_to(folder))
        if table is not None:
            archive.write(table, table.name)


def _is_hidden(path: Path, folder: Path) -> bool:
    return any(name.startswith(".") for name in path.relative_to(folder).parts)
