"""Writes the index of a dataset and the file of its thumbnails."""

import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from model.data.appearance.thumbnails import ThumbnailFile
from model.data.files.characters import make_printable
from model.data.files.image_ids import image_ids
from model.data.files.place import Place
from model.data.images_zip import entries
from model.data.record import dataset_key
from model.data.report.contents import Contents
from model.data.report.findings import find_all
from model.data.report.found import Found
from model.data.report.index_file import INDEX_FILE, INDEXES, SCHEMA_VERSION, create
from model.data.report.tables import make_report
from model.errors import ObjectExistsError
from model.storage.interface import Storage

_PATH_CHARACTERS = 1000
"""A path in a zip may have 64 KiB; of an image, the end says more than the beginning."""


@dataclass(frozen=True)
class WrittenIndex:
    """The files of an index, in a folder."""

    folder: Path
    thumbnails: str
    """Name of the file of thumbnails, which the index states: it depends on the file's bytes."""


def write_index(
    contents: Contents, thumbnails: ThumbnailFile, folder: Path, ids: Sequence[str] | None = None
) -> WrittenIndex:
    """Write the index and the thumbnails of a dataset's images into a folder; without ids, images are named by content."""
    name, places = _write_thumbnails(contents, thumbnails, folder)
    ids = list(ids or image_ids(image.examined.digest for image in contents.placed))
    found = find_all(contents)
    with closing(create(folder / INDEX_FILE)) as index:
        _insert_images(index, contents, ids, places)
        _insert_findings(index, found)
        skipped = sorted(contents.skipped, key=lambda file: file.path)
        rows = ((make_printable(file.path), make_printable(file.reason)) for file in skipped)
        index.executemany("INSERT INTO skipped (path, reason) VALUES (?, ?)", rows)
        report = make_report(contents, found, ids)
        facts = {
            "schema_version": str(SCHEMA_VERSION),
            "thumbnails": name,
            "report": report.model_dump_json(),
        }
        index.executemany("INSERT INTO facts VALUES (?, ?)", facts.items())
        index.executescript(INDEXES)  # commits first
    return WrittenIndex(folder, name)


def _write_thumbnails(contents: Contents, kept: ThumbnailFile, folder: Path) -> tuple[str, list[Place]]:
    """Write the thumbnails in the order of the images; return the file's name and the place of each thumbnail."""
    digest, unnamed, places, end = hashlib.sha256(), folder / "unnamed.pack", list[Place](), 0
    with unnamed.open("xb") as file:
        for image in contents.placed:
            thumbnail = kept.read(image.examined.thumbnail)
            file.write(thumbnail)
            digest.update(thumbnail)
            places.append(Place(end, len(thumbnail)))
            end += len(thumbnail)
    name = f"thumbnails-{digest.hexdigest()[:16]}.pack"
    unnamed.rename(folder / name)
    return name, places


def _insert_images(
    index: sqlite3.Connection, contents: Contents, ids: list[str], thumbnails: list[Place]
) -> None:
    def rows() -> Iterator[tuple[object, ...]]:
        originals = entries(contents.placed)
        images = zip(contents.placed, contents.groups, ids, originals, thumbnails, strict=True)
        for number, (image, group, image_id, original, thumbnail) in enumerate(images):
            examined, facts = image.examined, image.examined.facts
            path = make_printable(examined.file.shown_path)[-_PATH_CHARACTERS:]
            yield (
                *(
                    number,
                    image_id,
                    image.split,
                    image.label,
                    facts.width,
                    facts.height,
                    facts.mode,
                    facts.format,
                ),
                *(examined.size_bytes, path, group, original.data.offset, original.data.length),
                *(thumbnail.offset, thumbnail.length, contents.near.hashes.get(examined.digest)),
            )

    index.executemany(f"INSERT INTO images VALUES ({', '.join('?' * 16)})", rows())  # noqa: S608  # question marks


def _insert_findings(index: sqlite3.Connection, found: list[Found]) -> None:
    rows = (
        (one.code, rank, number, note)
        for one in found
        for rank, (number, note) in enumerate(one.images.items())
    )
    index.executemany("INSERT INTO findings (code, rank, number, note) VALUES (?, ?, ?, ?)", rows)


def store_index(
    dataset_id: str,
    contents: Contents,
    thumbnails: ThumbnailFile,
    folder: Path,
    storage: Storage,
    *,
    ids: Sequence[str] | None = None,
) -> None:
    """Write the index and the thumbnails into a working folder of the storage and store them, unless it has an index."""
    if storage.exists(dataset_key(dataset_id, INDEX_FILE)):
        return
    written = write_index(contents, thumbnails, folder, ids)
    for name in (written.thumbnails, INDEX_FILE):
        # Another import of the same images may run: the index that is stored first is kept, and names its thumbnails.
        with suppress(ObjectExistsError):
            storage.put_file(dataset_key(dataset_id, name), folder / name)
