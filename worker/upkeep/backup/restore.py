"""`python -m worker.upkeep.backup.restore FILE`: restores a backup into an empty Redis or Valkey and an empty storage."""

import argparse
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from shutil import copyfileobj
from typing import IO, TypeVar

import redis
from pydantic import ValidationError

from model.errors import StorageError
from model.storage.interface import Storage
from model.storage.opening import open_storage
from worker.errors import BackupUnreadableError, WorkerError
from worker.queue.records import Checkpoint
from worker.redis_server.connection import connect
from worker.redis_server.fitness import check_server
from worker.settings import ServiceSettings
from worker.upkeep.backup.file_format import END, FORMAT, HEAD, KINDS, OBJECTS, RECORDS, End, Head
from worker.upkeep.record_store import REPLY_TIMEOUT_S, RecordStore
from worker.upkeep.records import RECORD, HashRecord, Record
from worker.upkeep.references import is_finished, is_job

_BATCH = 100

T = TypeVar("T")


def read_backup(store: RecordStore, storage: Storage, source: IO[bytes]) -> tuple[End, list[str]]:
    """Restore a backup; returns its end, and the ids of jobs that restart because their checkpoint is missing.

    Objects are written first and the records in one last step. When the restore fails before that step, no record
    refers to a missing object, and the restore can be repeated.

    Raises:
        StoreOccupiedError: this Redis has jobs, models or datasets.
        BackupUnreadableError: the file is not a complete backup.
    """
    store.check_empty()
    with tempfile.TemporaryFile() as records:
        end = _read_tar(source, storage, records)
        restarting: list[str] = []
        for batch in _batches(record for record in _records(records) if record.is_bulk):
            store.write_bulk(batch)
        others = (record for record in _records(records) if not record.is_bulk)
        store.write_rest(_without_lost_checkpoint(record, storage, restarting) for record in others)
    return end, restarting


def _read_tar(source: IO[bytes], storage: Storage, records: IO[bytes]) -> End:
    """Write the objects to storage and the records to the file `records`."""
    end: End | None = None
    try:
        with tarfile.open(fileobj=source, mode="r|") as tar:
            for number, entry in enumerate(tar):
                file = tar.extractfile(entry)
                if file is None or (number == 0) != (entry.name == HEAD):
                    raise BackupUnreadableError(
                        "This tar is not a backup: its first file is not backup.json."
                    )
                if entry.name == END:
                    end = End.model_validate_json(file.read())
                else:
                    _read_entry(entry.name, file, storage, records)
    except (tarfile.TarError, EOFError, ValidationError) as error:
        raise BackupUnreadableError(f"The file is not a complete backup ({type(error).__name__}).") from error
    if end is None:
        raise BackupUnreadableError("The backup was cut short: end.json is missing.")
    return end


def _read_entry(name: str, file: IO[bytes], storage: Storage, records: IO[bytes]) -> None:
    if name == HEAD:
        if Head.model_validate_json(file.read()).format != FORMAT:
            raise BackupUnreadableError(
                "This backup was made by a newer version of Ninefold: restore it with that version."
            )
    elif name == RECORDS:
        copyfileobj(file, records)
    elif name.startswith(tuple(OBJECTS + kind for kind in KINDS)):
        storage.put_stream(name.removeprefix(OBJECTS), lambda target: copyfileobj(file, target))
    else:
        raise BackupUnreadableError(f"{name[:80]!r} does not belong in a backup.")


def _records(file: IO[bytes]) -> Iterator[Record]:
    file.seek(0)
    for line in file:
        try:
            yield RECORD.validate_json(line)
        except ValidationError as error:
            raise BackupUnreadableError(f"A record cannot be read: {line[:80]!r}…") from error


def _without_lost_checkpoint(record: Record, storage: Storage, restarting: list[str]) -> Record:
    if not isinstance(record, HashRecord) or not is_job(record) or is_finished(record.value):
        return record
    job = record.value
    checkpoint = Checkpoint.model_validate_json(job["checkpoint"]) if "checkpoint" in job else None
    if checkpoint is None or all(map(storage.exists, filter(None, (checkpoint.key, checkpoint.best_key)))):
        return record
    restarting.append(job["id"])
    kept = {name: value for name, value in job.items() if name not in ("checkpoint", "checkpoint_epoch")}
    return record.model_copy(update={"value": kept})


def _batches(items: Iterable[T]) -> Iterator[list[T]]:
    remaining = iter(items)
    while batch := list(islice(remaining, _BATCH)):
        yield batch


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
    except (WorkerError, StorageError, redis.RedisError, OSError) as error:
        sys.exit(f"restore: {error}")
    for job_id in restarting:
        sys.stdout.write(
            f"{job_id} will start again from the beginning: its checkpoint was replaced while the backup was made\n"
        )
    sys.stdout.write(f"{end.records} records and {end.objects} objects restored\n")


if __name__ == "__main__":
    main()
