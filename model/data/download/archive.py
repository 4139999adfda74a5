"""The archive of a dataset: its images under train/ and test/, a table of them, and their description."""

import csv
import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from zipfile import ZipFile

from model.data.download.appended_zip import AppendedZip
from model.data.download.croissant import CROISSANT_FILE, TABLE_FILE, describe
from model.spec import DatasetFacts


@contextmanager
def open_archive(
    images: Path, facts: DatasetFacts, version: int | None, created_at: datetime
) -> Iterator[AppendedZip]:
    """Provide the archive, whose bytes can be read while the block runs; `images` is the stored zip.

    Raises:
        CorruptArtifactError: the stored zip is damaged.
    """
    table = _table(images)
    description = describe(facts, version, f"{created_at:%Y-%m-%d}", hashlib.sha256(table).hexdigest())
    with images.open("rb") as file:
        yield AppendedZip(file, {TABLE_FILE: table, CROISSANT_FILE: description})


def _table(images: Path) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("path", "label", "split"))
    with ZipFile(images) as archive:
        for name in archive.namelist():
            split, label, _ = name.split("/")
            writer.writerow((name, label, split))
    return text.getvalue().encode()
