"""Reads the files of a bundle that somebody else made, within limits. Writes nothing, and follows no path in the zip."""

import stat
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from model.artifact.manifest import MANIFEST_FILE, WEIGHTS_FILE
from model.bundle.names import BUNDLE_FILES, EPOCHS_FILE, PREDICTIONS_FILE
from model.data.download.zip_entries import END
from model.errors import BundleRejectedError
from model.evaluation.evaluation import EVALUATION_FILE
from model.export.facts import HELD_OUT_FILE, INT8_FILE, ONNX_FILE

_MIB = 2**20
_MOST_BYTES: Mapping[str, int] = {
    MANIFEST_FILE: 1 * _MIB,
    EPOCHS_FILE: 8 * _MIB,
    HELD_OUT_FILE: 1 * _MIB,
    EVALUATION_FILE: 64 * _MIB,
    PREDICTIONS_FILE: 512 * _MIB,
    ONNX_FILE: 128 * _MIB,
    INT8_FILE: 128 * _MIB,
    WEIGHTS_FILE: 128 * _MIB,
}
_MOST_FILES, _MOST_DIRECTORY_BYTES = 100, 64 * 1024
_LOCATOR = b"PK\6\7"
_ENCRYPTED = 0x1
_AGAIN = "export the model again, and import that file as it is"


class OpenedBundle:
    """The files of a bundle, of which nothing is known yet but that their names are harmless."""

    def __init__(self, archive: ZipFile, entries: Mapping[str, ZipInfo]) -> None:
        self._archive = archive
        self._entries = entries

    def has(self, name: str) -> bool:
        """Return whether the bundle has a file."""
        return name in self._entries

    def read(self, name: str) -> bytes:
        """Return a file of the bundle; raises BundleRejectedError if it is missing, too large or damaged."""
        entry = self._entries.get(name)
        if entry is None:
            raise BundleRejectedError(f"The bundle has no {name}: {_AGAIN}.")
        most = _MOST_BYTES[name]
        if entry.file_size > most:
            raise BundleRejectedError(f"{name} has {entry.file_size:,} bytes, and may have {most:,} at most.")
        try:
            with self._archive.open(entry) as file:
                data = file.read(most + 1)
        except (BadZipFile, zlib.error, EOFError, OSError, NotImplementedError) as error:
            raise BundleRejectedError(f"{name} is damaged ({error}): {_AGAIN}.") from error
        if len(data) != entry.file_size:
            raise BundleRejectedError(f"{name} has another size than the zip says: {_AGAIN}.")
        return data


@contextmanager
def open_bundle(path: Path) -> Iterator[OpenedBundle]:
    """Open a zip; raises BundleRejectedError unless it is a flat one of few plain files."""
    with path.open("rb") as file:
        _check_directory(file)
        try:
            archive = ZipFile(file)
        except (BadZipFile, ValueError, OSError, NotImplementedError) as error:
            raise BundleRejectedError(f"This zip is damaged ({error}): {_AGAIN}.") from error
        with archive:
            yield OpenedBundle(archive, _entries(archive))


def _check_directory(file: BinaryIO) -> None:
    """Refuse a directory that is large: zipfile would hold all of it in memory."""
    length = file.seek(0, 2)
    file.seek(max(0, length - END.size - 20))
    tail = file.read()
    end = tail[-END.size :]
    if len(end) < END.size or end[:4] != b"PK\5\6" or tail[: -END.size].startswith(_LOCATOR):
        raise BundleRejectedError(
            f"This is not a zip as Ninefold writes its bundles, or it is cut short: {_AGAIN}."
        )
    _, _, _, _, files, size, _, _ = END.unpack(end)
    if files > _MOST_FILES or size > _MOST_DIRECTORY_BYTES:
        raise BundleRejectedError(f"This zip has {files} files; a bundle has {len(BUNDLE_FILES)} at most.")


def _entries(archive: ZipFile) -> dict[str, ZipInfo]:
    entries: dict[str, ZipInfo] = {}
    for entry in archive.infolist():
        if entry.filename in entries:
            raise BundleRejectedError(f"A file is in the zip twice: {_AGAIN}.")
        kind = stat.S_IFMT(entry.external_attr >> 16)
        is_plain = kind in (0, stat.S_IFREG) and entry.compress_type in (ZIP_STORED, ZIP_DEFLATED)
        if not is_plain or entry.flag_bits & _ENCRYPTED:
            raise BundleRejectedError(
                f"The zip has a link, or a file that is encrypted or packed unusually: {_AGAIN}."
            )
        if any(mark in entry.filename for mark in ("/", "\\", "..", ":")):
            raise BundleRejectedError(f"The zip has folders, and a bundle has none: {_AGAIN}.")
        entries[entry.filename] = entry
    return entries
