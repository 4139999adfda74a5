"""Stores a zip of the labelled images of a review, as an upload that an import reads."""

import csv
import hashlib
import io
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from api.records.storage_space import StorageSpace
from api.records.storages import Storages
from model.data.import_options import ImportOptions
from model.errors import ObjectMissingError
from model.storage.interface import Storage
from worker.registry.review.records import image_key

_TABLE = "labels.csv"
OPTIONS = ImportOptions(labels=_TABLE, path_column="path", label_column="label", split_column="split")
"""How an import reads the zip. The table puts every image into the training images."""
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
"""The same images make the same zip, so that a repeated request is recognised."""
_TIMEOUT_S = 600.0


class ZipStorage:
    """Stores zips of labelled images."""

    def __init__(self, storages: Storages, space: StorageSpace) -> None:
        self._storages = storages
        self._space = space

    async def put(self, key: str, name: str, labels: Mapping[str, str], project: str) -> tuple[int, str]:
        """Store the zip of these images of a name; return its size and its SHA-256.

        Raises:
            StorageFullError: storage has too little room.
        """
        await self._space.require()
        storage = self._storages.of(project)
        return await self._storages.run_within(_TIMEOUT_S, _store_zip, storage, key, name, labels)


def _store_zip(storage: Storage, key: str, name: str, labels: Mapping[str, str]) -> tuple[int, str]:
    with storage.working_folder() as folder:
        path = folder / "review.zip"
        _write_zip(path, storage, name, labels)
        size_bytes = path.stat().st_size
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        storage.put_file(key, path)
    return size_bytes, sha256


def _write_zip(path: Path, storage: Storage, name: str, labels: Mapping[str, str]) -> None:
    table = io.StringIO()
    rows = csv.writer(table)
    rows.writerow(["path", "label", "split"])
    with ZipFile(path, "w", ZIP_STORED) as archive:
        for image_id, label in sorted(labels.items()):
            with suppress(ObjectMissingError):  # it was too old
                archive.writestr(ZipInfo(image_id, _ZIP_TIME), storage.read_bytes(image_key(name, image_id)))
                rows.writerow([image_id, label, "train"])
        archive.writestr(ZipInfo(_TABLE, _ZIP_TIME), table.getvalue())
