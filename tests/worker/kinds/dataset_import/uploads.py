"""Uploads in storage, with their imports in the queue."""

import tempfile
from dataclasses import replace
from pathlib import Path

from model.data.duplicates.groups_file import GROUPS_FILE
from model.data.import_options import NO_OPTIONS, ImportOptions
from model.data.record import IMAGES_FILE, RECORD_FILE
from model.data.report.index_file import INDEX_FILE, THUMBNAILS_PATTERN
from model.storage.interface import Storage
from model.storage.opening import open_storage
from tests.model.pictures import two_classes, write_zip
from tests.worker.imported import new_import
from worker.queue.ids import upload_key
from worker.queue.store import JobStore

FILES = (RECORD_FILE, GROUPS_FILE, IMAGES_FILE, INDEX_FILE, THUMBNAILS_PATTERN)
"""Of a dataset, in storage."""


def storage_of(folder: Path) -> Storage:
    return open_storage((folder / "storage").as_uri())


def submit_upload(
    store: JobStore,
    folder: Path,
    files: dict[str, bytes] | None = None,
    name: str = "pets",
    options: ImportOptions = NO_OPTIONS,
) -> str:
    """Store a zip of these files, by default of a small dataset, and queue its import; return the import's id."""
    new = replace(new_import(name), options=options)
    with tempfile.TemporaryDirectory() as temporary:
        upload = write_zip(Path(temporary) / "upload.zip", two_classes() if files is None else files)
        storage_of(folder).put_bytes(upload_key(new.import_id), upload.read_bytes())
    return store.submit_import(new).dataset_import.id
