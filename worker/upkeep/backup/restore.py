"""`python -m worker.upkeep.backup.restore FILE`: restores a backup into an empty Redis or Valkey and an empty storage."""

import argparse
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copyfileobj
from typing import IO

import redis
from pydantic import ValidationError

from model.artifact.manifest import MANIFEST_FILE
from model.errors import StorageError
from model.storage.interface import Storage
from model.storage.opening import open_storage
from worker.errors import WorkerError
from worker.queue.records import Checkpoint
from worker.redis_server import keys as redis_keys
from worker.redis_server.connection import connect
from worker.redis_server.fitness import check_server
from worker.redis_server.projects import (
    DEFAULT_PROJECT,
    object_key,
    parse_object_key,
    scoped,
    unscoped,
)
from worker.settings import ServiceSettings
from worker.upkeep.backup.file_format import END, FORMAT, HEAD, KINDS, OBJECTS, RECORDS, End, Head
from worker.upkeep.errors import BackupRestoredError, BackupUnreadableError
from worker.upkeep.indexes import index_entries, is_index
from worker.upkeep.record_reader import pages
from worker.upkeep.record_store import REPLY_TIMEOUT_S, RecordStore
from worker.upkeep.records import RECORD, HashRecord, Record

_BATCH = 50
"""Records that are written at once."""


@dataclass
class _Progress:
    """What is known of a backup once its tar was read."""

    backup: str = ""
    """The moment of the backup, which tells it from every other."""
    format: int = FORMAT
    end: End | None = None
    models: set[str] = field(default_factory=set)
    """The ids of the models whose manifest is in storage now."""


def read_backup(store: RecordStore, storage: Storage, source: IO[bytes]) -> tuple[End, list[str]]:
    """Restore a backup; returns its end, and the ids of jobs that restart because their checkpoint is missing.

    Objects are written first and the records in one last step. When the restore fails before that step, no record
    refers to a missing object, and the restore can be repeated.

    Raises:
        StoreOccupiedError: this Redis has jobs, imports, models or datasets that did not come with this backup.
        BackupRestoredError: this backup was restored before, completely.
        BackupUnreadableError: the file is not a complete backup.
    """
    with tempfile.TemporaryFile() as records:
        progress = _read_tar(source, store, storage, records)
        if progress.end is None:
            raise BackupUnreadableError("The backup was cut short: end.json is missing.")
        store.check_unoccupied(progress.models)
        restarting: list[str] = []
        for batch in pages((record for record in _records(records) if record.is_bulk), _BATCH):
            store.write_bulk(_without_lost_checkpoint(record, storage, restarting) for record in batch)
        store.write_rest(progress.backup, _rest(records, progress.format), progress.models)
    return progress.end, restarting


def _read_tar(source: IO[bytes], store: RecordStore, storage: Storage, records: IO[bytes]) -> _Progress:
    """Write the objects to storage and the records to the file `records`."""
    progress = _Progress()
    try:
        with tarfile.open(fileobj=source, mode="r|") as tar:
            for number, entry in enumerate(tar):
                file = tar.extractfile(entry)
                if file is None or (number == 0) != (entry.name == HEAD):
                    raise BackupUnreadableError(
                        "This tar is not a backup: its first file is not backup.json."
                    )
                if entry.name == HEAD:
                    head = Head.model_validate_json(file.read())
                    progress.backup, progress.format = _begin(store, head), head.format
                elif entry.name == END:
                    progress.end = End.model_validate_json(file.read())
                elif entry.name == RECORDS:
                    copyfileobj(file, records)
                else:
                    _read_object(entry.name, file, storage, progress)
    except (tarfile.TarError, EOFError, ValidationError) as error:
        raise BackupUnreadableError(f"The file is not a complete backup ({type(error).__name__}).") from error
    return progress


def _begin(store: RecordStore, head: Head) -> str:
    if head.format > FORMAT:
        raise BackupUnreadableError(
            "This backup was made by a newer version of Ninefold: restore it with that version."
        )
    backup = head.created_at.isoformat()
    store.begin_restore(backup)
    return backup


def _read_object(name: str, file: IO[bytes], storage: Storage, progress: _Progress) -> None:
    key = name.removeprefix(OBJECTS)
    project, own = parse_object_key(key)
    if not name.startswith(OBJECTS) or not own.startswith(KINDS):
        raise BackupUnreadableError(f"{name[:80]!r} does not belong in a backup.")
    storage.put_stream(key, lambda target: copyfileobj(file, target))
    if own.endswith(f"/{MANIFEST_FILE}") and project == DEFAULT_PROJECT:
        progress.models.add(own.split("/")[1])


def _records(file: IO[bytes]) -> Iterator[Record]:
    file.seek(0)
    for line in file:
        try:
            yield RECORD.validate_json(line)
        except ValidationError as error:
            raise BackupUnreadableError(f"A record cannot be read: {line[:80]!r}…") from error


def _rest(records: IO[bytes], backup_format: int) -> Iterator[Record]:
    """Yield the records that are not bulk, and the indexes of all records; those in a backup of format 1 are ignored."""
    has_all_indexes = backup_format == 1
    retired: set[str] = set()
    for record in _records(records):
        project, own = unscoped(record.key)
        if own == redis_keys.RETIRED_MODELS:
            retired |= {scoped(project, redis_keys.MODEL) + str(model_id) for model_id in record.value}
    for record in _records(records):
        if not record.is_bulk and not (has_all_indexes and is_index(record.key)):
            yield record
        if record.key not in retired:
            yield from index_entries(record)


def _without_lost_checkpoint(record: Record, storage: Storage, restarting: list[str]) -> Record:
    if not isinstance(record, HashRecord) or not record.is_item or record.is_finished:
        return record
    job = record.value
    checkpoint = Checkpoint.model_validate_json(job["checkpoint"]) if "checkpoint" in job else None
    if checkpoint is None:
        return record
    keys = filter(None, (checkpoint.key, checkpoint.best_key))
    if all(storage.exists(object_key(key, record.project)) for key in keys):
        return record
    restarting.append(job["id"])
    kept = {name: value for name, value in job.items() if name not in ("checkpoint", "checkpoint_epoch")}
    return record.model_copy(update={"value": kept})


def main() -> None:
    """Restore one backup and print a summary; an error is printed as one line with a non-zero exit."""
    parser = argparse.ArgumentParser(prog="ninefold restore", description=__doc__)
    parser.add_argument("file", type=Path)
    path: Path = parser.parse_args().file
    settings = ServiceSettings()
    try:
        with path.open("rb") as file, connect(settings.redis_url, timeout_s=REPLY_TIMEOUT_S) as client:
            check_server(client)
            end, restarting = read_backup(RecordStore(client), open_storage(settings.storage), file)
    except BackupRestoredError as error:
        sys.stdout.write(f"{error}\n")
        return
    except (WorkerError, StorageError, redis.RedisError, OSError) as error:
        sys.exit(f"restore: {error}")
    for job_id in restarting:
        sys.stdout.write(
            f"{job_id} will start again from the beginning: its checkpoint was replaced while the backup was made\n"
        )
    sys.stdout.write(f"{end.records} records and {end.objects} objects restored\n")


if __name__ == "__main__":
    main()
