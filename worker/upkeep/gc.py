"""`python -m worker.upkeep.gc`: deletes the objects in storage to which no record refers, and prints each with a reason."""

import argparse
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import redis

from model.artifact.manifest import MANIFEST_FILE, WEIGHTS_FILE, model_key
from model.batch_prediction.rows import FOLDER as PREDICTIONS
from model.data.built_in.facts import BUILT_IN
from model.errors import StorageError
from model.storage.interface import Storage, StorageEntry
from model.storage.opening import open_storage
from worker.errors import WorkerError
from worker.queue.archive import JobArchive
from worker.queue.states import TERMINAL, Status
from worker.redis_server import keys as redis_keys
from worker.redis_server.connection import connect
from worker.redis_server.fitness import check_server
from worker.redis_server.projects import DEFAULT_PROJECT, object_key, scoped, storage_url
from worker.registry.review.records import REVIEWS_FOLDER
from worker.registry.training_states import STATES
from worker.settings import ServiceSettings
from worker.upkeep.record_reader import RecordReader

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


@dataclass
class Known:
    """What Redis knows of the ids that storage lists."""

    models: set[str]
    """Published models, and models past their commit point."""
    retired: set[str]
    """Models whose deletion has begun."""
    datasets: set[str]
    jobs: set[str]
    unfinished: set[str]
    """Jobs that have not finished."""
    predictions: set[str]
    """Batch predictions that have rows, or may get them."""
    uploads: set[str]
    """Keys of the zips that unfinished imports read."""
    reviews: set[str]
    """Names of which uncertain answers are kept."""


def find_unreferenced(client: redis.Redis, storage: Storage, project: str = DEFAULT_PROJECT) -> list[Finding]:
    """Return what is in a project's storage and no record refers to, including what must be kept. Deletes nothing."""
    # Storage is listed before the records are read: objects that are created later are not on the list.
    kinds = ("models", "datasets", "checkpoints", "uploads", STATES, REVIEWS_FOLDER, PREDICTIONS)
    models, datasets, checkpoints, uploads, states, reviews, predictions = folders = [
        storage.folders(kind) for kind in kinds
    ]
    datasets = [folder for folder in datasets if _id(folder) not in BUILT_IN]
    leftovers = storage.leftovers()
    ids = {kind: [_id(folder) for folder in of_kind] for kind, of_kind in zip(kinds, folders, strict=True)}
    reader = RecordReader(client)
    known = _ask(reader, project, ids)
    return [
        *_unreferenced_models(models, known, storage),
        *_unreferenced_datasets(datasets, known),
        *_unreferenced_checkpoints(checkpoints, models, known),
        *_unreferenced_states(states, models, known, storage),
        *_unreferenced_predictions(predictions, models, known),
        *_unreferenced_uploads(uploads, (*models, *datasets), known),
        *_unreferenced_reviews(reviews, models, known),
        *_unreferenced_review_images(reviews, known, storage, reader, project),
        *(Finding(entry, "left by a process that was killed") for entry in leftovers),
    ]


def _ask(reader: RecordReader, project: str, ids: Mapping[str, Sequence[str]]) -> Known:
    """Ask Redis in small steps about the ids in each folder of storage. Unfinished jobs are read first: one that finishes meanwhile has a published model then."""
    needed_models: set[str] = set()
    needed_datasets: set[str] = set()
    read_uploads: set[str] = set()
    for status in sorted(set(Status) - TERMINAL):
        names = ("project", "dataset", "manifest", "model_id", "upload")
        fields = reader.fields(reader.jobs_with_status(status), *names)
        for _, (owner, dataset, manifest, model_id, upload) in fields:
            if (owner or DEFAULT_PROJECT) != project:
                continue
            needed_datasets.update(filter(None, [dataset]))
            read_uploads.update(filter(None, [upload]))
            needed_models.update(filter(None, [manifest and model_id]))
    model_prefix, dataset_prefix = (scoped(project, key) for key in (redis_keys.MODEL, redis_keys.DATASET))
    found = reader.models(model_prefix + model_id for model_id in ids["models"])
    published = {model.key.removeprefix(model_prefix) for model, is_retired in found if not is_retired}
    known_datasets = reader.existing([dataset_prefix + dataset_id for dataset_id in ids["datasets"]])
    statuses = {
        job_id: status
        for job_id, (status,) in reader.fields({*ids["checkpoints"], *ids[STATES]}, "status")
        if status
    }
    ended_without_rows = (Status.FAILED, Status.CANCELLED)
    predictions = {
        prediction_id
        for prediction_id, (status,) in reader.fields(ids[PREDICTIONS], "status")
        if status and status not in ended_without_rows
    }
    # Items of a kind or status that only a later release knows are in no index that this one reads.
    owners = {upload.removesuffix(".zip"): f"uploads/{upload}" for upload in ids["uploads"]}
    for owner, (known,) in reader.fields(owners, "status"):
        if known and known not in TERMINAL:
            read_uploads.add(owners[owner])
    return Known(
        models=published | needed_models,
        retired=reader.members(scoped(project, redis_keys.RETIRED_MODELS), ids["models"]),
        datasets={key.removeprefix(dataset_prefix) for key in known_datasets} | needed_datasets,
        jobs=set(statuses),
        unfinished={job_id for job_id, status in statuses.items() if status not in TERMINAL},
        predictions=predictions,
        uploads=read_uploads,
        reviews=reader.members(scoped(project, redis_keys.REVIEWS), ids[REVIEWS_FOLDER]),
    )


def _unreferenced_models(
    folders: Sequence[StorageEntry], known: Known, storage: Storage
) -> Iterator[Finding]:
    is_unknown_to_redis = not any(_id(folder) in known.models for folder in folders)
    for folder in _old(folders):
        model_id = _id(folder)
        if model_id in known.models:
            continue
        if model_id in known.retired:
            yield Finding(folder, "its deletion was interrupted")
        elif is_unknown_to_redis:
            yield Finding(folder, _UNKNOWN_TO_REDIS, is_kept=True)
        elif all(storage.exists(model_key(model_id, file)) for file in (MANIFEST_FILE, WEIGHTS_FILE)):
            yield Finding(
                folder, "a complete model that Redis lost: register it with `ninefold reindex`", is_kept=True
            )
        else:
            yield Finding(folder, "its files were written, but it was never published")


def _unreferenced_datasets(folders: Sequence[StorageEntry], known: Known) -> Iterator[Finding]:
    is_unknown_to_redis = not any(_id(folder) in known.datasets for folder in folders)
    for folder in _old(folders):
        if _id(folder) not in known.datasets:
            yield Finding(
                folder,
                _UNKNOWN_TO_REDIS if is_unknown_to_redis else "no dataset has this id",
                is_kept=is_unknown_to_redis,
            )


def _unreferenced_checkpoints(
    folders: Sequence[StorageEntry], models: Sequence[StorageEntry], known: Known
) -> Iterator[Finding]:
    is_unknown_to_redis = not any(_id(folder) in known.jobs | known.models for folder in (*folders, *models))
    for folder in folders:
        job_id = _id(folder)
        if job_id in known.unfinished:
            continue
        if is_unknown_to_redis:
            yield Finding(folder, _UNKNOWN_TO_REDIS, is_kept=True)
        else:
            yield Finding(folder, "its job has ended" if job_id in known.jobs else "its job is gone")


def _unreferenced_states(
    folders: Sequence[StorageEntry], models: Sequence[StorageEntry], known: Known, storage: Storage
) -> Iterator[Finding]:
    archive = JobArchive(storage)
    is_unknown_to_redis = not any(_id(folder) in known.jobs | known.models for folder in (*folders, *models))
    for folder in _old(folders):
        if _id(folder) not in known.jobs and not archive.has(_id(folder)):
            reason = _UNKNOWN_TO_REDIS if is_unknown_to_redis else "its job is gone"
            yield Finding(folder, reason, is_kept=is_unknown_to_redis)


def _unreferenced_predictions(
    folders: Sequence[StorageEntry], models: Sequence[StorageEntry], known: Known
) -> Iterator[Finding]:
    is_unknown_to_redis = not any(
        _id(folder) in known.predictions | known.models for folder in (*folders, *models)
    )
    for folder in _old(folders):
        if _id(folder) not in known.predictions:
            reason = (
                _UNKNOWN_TO_REDIS if is_unknown_to_redis else "its batch prediction is gone, or has no rows"
            )
            yield Finding(folder, reason, is_kept=is_unknown_to_redis)


def _unreferenced_uploads(
    uploads: Sequence[StorageEntry], others: Sequence[StorageEntry], known: Known
) -> Iterator[Finding]:
    is_unknown_to_redis = not any(
        entry.key in known.uploads or _id(entry) in known.models | known.datasets
        for entry in (*uploads, *others)
    )
    for upload in _old(uploads):
        if upload.key not in known.uploads:
            yield Finding(
                upload,
                _UNKNOWN_TO_REDIS if is_unknown_to_redis else "no import reads it",
                is_kept=is_unknown_to_redis,
            )


def _unreferenced_reviews(
    folders: Sequence[StorageEntry], models: Sequence[StorageEntry], known: Known
) -> Iterator[Finding]:
    is_unknown_to_redis = not any(
        _id(folder) in known.reviews | known.models for folder in (*folders, *models)
    )
    for folder in _old(folders):
        if _id(folder) not in known.reviews:
            reason = _UNKNOWN_TO_REDIS if is_unknown_to_redis else "its review was ended"
            yield Finding(folder, reason, is_kept=is_unknown_to_redis)


def _unreferenced_review_images(
    folders: Sequence[StorageEntry], known: Known, storage: Storage, reader: RecordReader, project: str
) -> Iterator[Finding]:
    for folder in folders:
        if _id(folder) in known.reviews:
            images = list(_old(storage.folders(folder.key)))
            key = scoped(project, redis_keys.REVIEW_IMAGES) + _id(folder)
            kept = reader.members(key, [_id(image) for image in images], "HEXISTS")
            for image in images:
                if _id(image) not in kept:
                    yield Finding(image, "its answer is not kept")


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


def in_whole_storage(finding: Finding, project: str) -> Finding:
    """Return a finding as the whole storage names it."""
    return replace(finding, entry=replace(finding.entry, key=object_key(finding.entry.key, project)))


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
        all_findings: list[Finding] = []
        with connect(settings.redis_url) as client:
            check_server(client)
            for project in RecordReader(client).projects():
                storage = open_storage(storage_url(settings.storage, project))
                findings = find_unreferenced(client, storage, project)
                if not is_dry:
                    delete_unreferenced(findings, storage)
                all_findings += (in_whole_storage(finding, project) for finding in findings)
    except (WorkerError, StorageError, redis.RedisError, OSError) as error:
        sys.exit(f"gc: {error}")
    sys.stdout.writelines(f"{line}\n" for line in report(all_findings, is_dry=is_dry))


if __name__ == "__main__":
    main()
