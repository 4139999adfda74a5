"""`python -m worker.upkeep.gc`: deletes the objects in storage to which no record refers, and prints each with a reason."""

import argparse
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import redis

from model.artifact.manifest import MANIFEST_FILE, WEIGHTS_FILE, model_key
from model.errors import StorageError
from model.storage.interface import Storage, StorageEntry
from model.storage.opening import open_storage
from worker.errors import WorkerError
from worker.redis_server.connection import connect
from worker.redis_server.fitness import check_server
from worker.settings import ServiceSettings
from worker.upkeep.record_store import REPLY_TIMEOUT_S, RecordStore
from worker.upkeep.references import References, find_references

MIN_AGE_S = 24 * 3600.0
"""Models, datasets and uploads younger than this are kept: their records may be about to be written."""
_UNKNOWN_TO_REDIS = (
    "Redis knows nothing in this folder of storage: is it the wrong Redis, or has it lost its records?"
)


@dataclass(frozen=True)
class Finding:
    """Objects in storage to which no record refers."""

    entry: StorageEntry
    reason: str
    is_kept: bool = False
    """True when the objects are reported but not deleted."""


def find_unreferenced(store: RecordStore, storage: Storage) -> list[Finding]:
    """Return everything to which no record refers, including what must be kept. Deletes nothing."""
    # Storage is listed before the records are read: objects that are created later are not on the list.
    kinds = ("models", "datasets", "checkpoints", "uploads")
    models, datasets, checkpoints, uploads = map(storage.folders, kinds)
    leftovers = storage.leftovers()
    references = find_references(store.take_snapshot().records)
    return [
        *_unreferenced_models(models, references, storage),
        *_unreferenced_datasets(datasets, references),
        *_unreferenced_checkpoints(checkpoints, models, references),
        *_unreferenced_uploads(uploads, (*models, *datasets), references),
        *(Finding(entry, "left by a process that was killed") for entry in leftovers),
    ]


def _unreferenced_models(
    folders: Sequence[StorageEntry], references: References, storage: Storage
) -> Iterator[Finding]:
    is_unknown_to_redis = not any(_id(folder) in references.models for folder in folders)
    for folder in _old(folders):
        model_id = _id(folder)
        if model_id in references.models:
            continue
        if model_id in references.retired:
            yield Finding(folder, "its deletion was interrupted")
        elif is_unknown_to_redis:
            yield Finding(folder, _UNKNOWN_TO_REDIS, is_kept=True)
        elif all(storage.exists(model_key(model_id, file)) for file in (MANIFEST_FILE, WEIGHTS_FILE)):
            yield Finding(
                folder, "a complete model that Redis lost: register it with `ninefold reindex`", is_kept=True
            )
        else:
            yield Finding(folder, "its files were written, but it was never published")


def _unreferenced_datasets(folders: Sequence[StorageEntry], references: References) -> Iterator[Finding]:
    is_unknown_to_redis = not any(_id(folder) in references.datasets for folder in folders)
    for folder in _old(folders):
        if _id(folder) not in references.datasets:
            yield Finding(
                folder,
                _UNKNOWN_TO_REDIS if is_unknown_to_redis else "no dataset has this id",
                is_kept=is_unknown_to_redis,
            )


def _unreferenced_checkpoints(
    folders: Sequence[StorageEntry], models: Sequence[StorageEntry], references: References
) -> Iterator[Finding]:
    is_unknown_to_redis = not any(
        _id(folder) in references.jobs | references.models for folder in (*folders, *models)
    )
    for folder in folders:
        job_id = _id(folder)
        if job_id in references.unfinished:
            continue
        if is_unknown_to_redis:
            yield Finding(folder, _UNKNOWN_TO_REDIS, is_kept=True)
        else:
            yield Finding(folder, "its job has ended" if job_id in references.jobs else "its job is gone")


def _unreferenced_uploads(
    uploads: Sequence[StorageEntry], others: Sequence[StorageEntry], references: References
) -> Iterator[Finding]:
    is_unknown_to_redis = not any(
        entry.key in references.uploads or _id(entry) in references.models | references.datasets
        for entry in (*uploads, *others)
    )
    for upload in _old(uploads):
        if upload.key not in references.uploads:
            yield Finding(
                upload,
                _UNKNOWN_TO_REDIS if is_unknown_to_redis else "no import reads it",
                is_kept=is_unknown_to_redis,
            )


def _old(folders: Iterable[StorageEntry]) -> Iterator[StorageEntry]:
    oldest = time.time() - MIN_AGE_S
    return (folder for folder in folders if folder.changed_at < oldest)


def _id(folder: StorageEntry) -> str:
    return folder.key.rpartition("/")[2]


def delete_unreferenced(findings: Iterable[Finding], storage: Storage) -> None:
    """Delete the findings that are not kept, and the temporary files of writers that died."""
    for finding in findings:
        is_object = not finding.entry.key.startswith(".")
        # The same object may have been written again since it was listed: then a record is about to refer to it. An
        # upload never is: each has a key of its own.
        is_upload = finding.entry.key.startswith("uploads/")
        if not finding.is_kept and is_object and (is_upload or storage.is_unchanged(finding.entry)):
            storage.delete(finding.entry.key)
    storage.remove_leftovers()


def report(findings: list[Finding], *, is_dry: bool) -> Iterator[str]:
    """Yield one line for each finding, and a total."""
    verb = "would delete" if is_dry else "deleted"
    for finding in findings:
        done = "kept" if finding.is_kept else verb
        yield f"{done} {finding.entry.key} ({finding.entry.size_bytes} bytes): {finding.reason}"
    deleted_bytes = [finding.entry.size_bytes for finding in findings if not finding.is_kept]
    yield f"{verb} {len(deleted_bytes)} in all, {sum(deleted_bytes)} bytes"


def main() -> None:
    """Collect garbage once; an error is printed as one line with a non-zero exit."""
    parser = argparse.ArgumentParser(prog="ninefold gc", description=__doc__)
    parser.add_argument("--dry-run", action="store_true", help="only print what would be deleted")
    is_dry: bool = parser.parse_args().dry_run
    settings = ServiceSettings()
    try:
        storage = open_storage(settings.storage)
        with connect(settings.redis_url, timeout_s=REPLY_TIMEOUT_S) as client:
            check_server(client)
            findings = find_unreferenced(RecordStore(client), storage)
        if not is_dry:
            delete_unreferenced(findings, storage)
    except (WorkerError, StorageError, redis.RedisError, OSError) as error:
        sys.exit(f"gc: {error}")
    sys.stdout.writelines(f"{line}\n" for line in report(findings, is_dry=is_dry))


if __name__ == "__main__":
    main()
