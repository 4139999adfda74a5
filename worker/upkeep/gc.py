"""`python -m worker.upkeep.gc`: deletes what lies in storage and nothing refers to, and says what and why."""

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
"""What is younger may be on its way into the records."""
_STRANGERS = "this Redis knows nothing that lies here: the wrong one, or one that lost its records?"


@dataclass(frozen=True)
class Finding:
    """Something that nothing refers to."""

    litter: StorageEntry
    reason: str
    is_kept: bool = False


def find_litter(store: RecordStore, storage: Storage) -> list[Finding]:
    """Everything that nothing refers to, also what is kept all the same. Deletes nothing."""
    # Storage first: what comes into being after this look is not on the list.
    models, datasets, checkpoints = map(storage.folders, ("models", "datasets", "checkpoints"))
    leftovers = storage.leftovers()
    references = find_references(store.take().records)
    return [
        *_judge_models(models, references, storage),
        *_judge_datasets(datasets, references),
        *_judge_checkpoints(checkpoints, models, references),
        *(Finding(litter, "a writer died") for litter in leftovers),
    ]


def _judge_models(
    folders: Sequence[StorageEntry], references: References, storage: Storage
) -> Iterator[Finding]:
    is_strange = not any(_id(folder) in references.models for folder in folders)
    for folder in _old(folders):
        model_id = _id(folder)
        if model_id in references.models:
            continue
        if model_id in references.retired:
            yield Finding(folder, "its deletion was cut short")
        elif is_strange:
            yield Finding(folder, _STRANGERS, is_kept=True)
        elif all(storage.exists(model_key(model_id, file)) for file in (MANIFEST_FILE, WEIGHTS_FILE)):
            yield Finding(
                folder, "a whole model that Redis lost: enter it with `ninefold reindex`", is_kept=True
            )
        else:
            yield Finding(folder, "never published")


def _judge_datasets(folders: Sequence[StorageEntry], references: References) -> Iterator[Finding]:
    is_strange = not any(_id(folder) in references.datasets for folder in folders)
    for folder in _old(folders):
        if _id(folder) not in references.datasets:
            yield Finding(folder, _STRANGERS if is_strange else "no dataset has this id", is_kept=is_strange)


def _judge_checkpoints(
    folders: Sequence[StorageEntry], models: Sequence[StorageEntry], references: References
) -> Iterator[Finding]:
    is_strange = not any(_id(folder) in references.jobs | references.models for folder in (*folders, *models))
    for folder in folders:
        job_id = _id(folder)
        if job_id in references.unfinished:
            continue
        if is_strange:
            yield Finding(folder, _STRANGERS, is_kept=True)
        else:
            yield Finding(folder, "its job has ended" if job_id in references.jobs else "its job is gone")


def _old(folders: Iterable[StorageEntry]) -> Iterator[StorageEntry]:
    oldest = time.time() - MIN_AGE_S
    return (folder for folder in folders if folder.changed_at < oldest)


def _id(folder: StorageEntry) -> str:
    return folder.key.rpartition("/")[2]


def delete_litter(findings: Iterable[Finding], storage: Storage) -> None:
    """Delete what is not kept."""
    for finding in findings:
        is_object = not finding.litter.key.startswith(".")
        # The same bytes may have come again since the look: then the record is about to name them.
        if not finding.is_kept and is_object and storage.is_unchanged(finding.litter):
            storage.delete(finding.litter.key)
    storage.remove_leftovers()


def report(findings: list[Finding], *, is_dry: bool) -> Iterator[str]:
    """A line for each, and a total."""
    verb = "would delete" if is_dry else "deleted"
    for finding in findings:
        done = "kept" if finding.is_kept else verb
        yield f"{done} {finding.litter.key} ({finding.litter.size_bytes} bytes): {finding.reason}"
    doomed = [finding.litter.size_bytes for finding in findings if not finding.is_kept]
    yield f"{verb} {len(doomed)} in all, {sum(doomed)} bytes"


def main() -> None:
    """Clean once; what prevents it is one line and a non-zero exit."""
    parser = argparse.ArgumentParser(prog="ninefold gc", description=__doc__)
    parser.add_argument("--dry-run", action="store_true", help="only say what would be deleted")
    is_dry: bool = parser.parse_args().dry_run
    settings = ServiceSettings()
    try:
        storage = open_storage(settings.storage)
        with connect(settings.redis_url, timeout_s=REPLY_TIMEOUT_S) as client:
            check_server(client)
            findings = find_litter(RecordStore(client), storage)
        if not is_dry:
            delete_litter(findings, storage)
    except (WorkerError, StorageError, redis.RedisError, OSError) as error:
        sys.exit(f"gc: {error}")
    sys.stdout.writelines(f"{line}\n" for line in report(findings, is_dry=is_dry))


if __name__ == "__main__":
    main()
