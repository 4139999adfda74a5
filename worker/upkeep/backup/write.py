"""`python -m worker.upkeep.backup.write FILE`: backs up a running service: all records, and the objects to which they refer, in one tar."""

import argparse
import io
import os
import sys
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import redis
from pydantic import BaseModel

from model.artifact.manifest import MANIFEST_FILE
from model.data.record import RECORD_FILE
from model.errors import ObjectMissingError, StorageError
from model.storage.interface import Storage
from model.storage.opening import open_storage
from worker.errors import WorkerError
from worker.redis_server.connection import connect
from worker.redis_server.fitness import check_server
from worker.redis_server.projects import object_key, parse_object_key
from worker.settings import ServiceSettings
from worker.upkeep.backup.collection import RecordCollection
from worker.upkeep.backup.file_format import END, HEAD, KINDS, OBJECTS, RECORDS, End, Head
from worker.upkeep.record_reader import RecordReader
from worker.upkeep.records import Record
from worker.upkeep.references import References

_SHORT_LIVED = ("checkpoints/", "uploads/")
"""What is soon replaced or deleted is copied first."""


def write_backup(client: redis.Redis, storage: Storage, out: IO[bytes]) -> End:
    """Write a backup while the service runs.

    Objects never change, so they can be copied after the records that name them. An object that is gone by then was
    deleted on purpose, or is a checkpoint that newer checkpoints replaced; checkpoints are therefore copied as soon as
    the unfinished jobs are read.
    """
    reader, references = RecordReader(client), References()
    collection = RecordCollection(reader)
    with tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT) as tar, TemporaryFile() as records:
        _add_model(tar, HEAD, Head(created_at=datetime.now(UTC)))
        count = _append(records, collection.finished_jobs(), references)
        for job in collection.read_unfinished_jobs():
            references.add(job)
        listed = _keys(storage, reader.projects())
        checkpoints = [key for key in listed if _is_short_lived(key) and references.is_needed(key)]
        gone = _add_objects(tar, storage, checkpoints)
        count += _append(records, collection.remaining(), references)
        _add(tar, RECORDS, records)
        others = [key for key in _keys(storage, reader.projects(), listed) if not _is_short_lived(key)]
        needed = [key for key in others if references.is_needed(key)]
        gone += _add_objects(tar, storage, needed)
        objects = len(checkpoints) + len(needed) - len(gone)
        end = End(records=count, objects=objects, gone=gone, later=collection.later)
        _add_model(tar, END, end)
    return end


def _is_short_lived(key: str) -> bool:
    return parse_object_key(key)[1].startswith(_SHORT_LIVED)


def _keys(storage: Storage, projects: Iterable[str], known: Iterable[str] = ()) -> list[str]:
    """Return the keys of all objects of the projects, and `known` ones, which may have been deleted since.

    The manifest or record of a folder comes after its other files, so that an interrupted restore leaves no incomplete
    model or dataset that looks complete.
    """
    folders = [object_key(kind, project) for project in projects for kind in KINDS]
    keys = {*known, *(key for folder in folders for key in storage.list(folder))}
    return sorted(keys, key=lambda key: (key.endswith((f"/{MANIFEST_FILE}", f"/{RECORD_FILE}")), key))


def _append(file: IO[bytes], records: Iterable[Record], references: References) -> int:
    """Append records to a file: a tar needs the size of a file before its content. Returns their number."""
    count = 0
    for record in records:
        references.add(record)
        file.write(record.model_dump_json(exclude_none=True).encode() + b"\n")
        count += 1
    return count


def _add_objects(tar: tarfile.TarFile, storage: Storage, keys: Iterable[str]) -> list[str]:
    """Copy objects; returns the keys of those that no longer exist."""
    gone = []
    for key in keys:
        with ExitStack() as files:
            try:
                file = files.enter_context(files.enter_context(storage.as_file(key)).open("rb"))
            except (ObjectMissingError, FileNotFoundError):
                gone.append(key)
            else:
                _add(tar, OBJECTS + key, file)
    return gone


def _add_model(tar: tarfile.TarFile, name: str, content: BaseModel) -> None:
    _add(tar, name, io.BytesIO(content.model_dump_json().encode()))


def _add(tar: tarfile.TarFile, name: str, file: IO[bytes]) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = file.seek(0, os.SEEK_END)
    entry.mode = 0o600
    file.seek(0)
    tar.addfile(entry, file)


@contextmanager
def new_file(path: Path) -> Iterator[IO[bytes]]:
    """Create a file that gets its name once it is complete and synced; only its owner may read it."""
    if path.exists():
        raise FileExistsError(f"{path} exists already: choose another name")
    partial = path.with_name(path.name + ".partial")
    partial.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)
    finally:
        partial.unlink(missing_ok=True)


def main() -> None:
    """Write one backup and print its size; an error is printed as one line with a non-zero exit."""
    parser = argparse.ArgumentParser(prog="ninefold backup", description=__doc__)
    parser.add_argument("file", type=Path)
    path: Path = parser.parse_args().file
    settings = ServiceSettings()
    try:
        with connect(settings.redis_url) as client:
            check_server(client)
            with new_file(path) as file:
                end = write_backup(client, open_storage(settings.storage), file)
    except (WorkerError, StorageError, redis.RedisError, OSError) as error:
        sys.exit(f"backup: {error}")
    if end.later:
        sys.stdout.write(
            f"{len(end.later)} items of kinds that only a later version knows are copied as they are; of their files, "
            "only what this version knows is in the backup: make one with the later version too\n"
        )
    for key in end.gone:
        sys.stdout.write(f"deleted meanwhile: {key}\n")
    sys.stdout.write(
        f"{end.records} records and {end.objects} objects in {path} ({path.stat().st_size} bytes)\n"
    )


if __name__ == "__main__":
    main()
