"""The index entries of work items and models, as the scripts write them. A backup holds no index: a restore derives it."""

import json
from collections.abc import Iterator

from worker.queue.kind_keys import BY_STATUS, QUEUES
from worker.queue.kinds import LANES, Kind
from worker.queue.states import Status
from worker.redis_server import keys as redis_keys
from worker.redis_server.projects import scoped, unscoped
from worker.upkeep.records import HashRecord, ListRecord, Record, SortedSetRecord, StringRecord

_PREFIXES = (
    redis_keys.JOBS_BY_STATUS,
    redis_keys.JOBS_BY_NAME,
    redis_keys.JOBS_BY_DATASET,
    redis_keys.JOBS_BY_TAG,
    redis_keys.IMPORTS_BY_STATUS,
    redis_keys.EVALUATIONS_BY_STATUS,
    redis_keys.EVALUATIONS_OF_MODEL,
    redis_keys.PREDICTIONS_BY_STATUS,
    redis_keys.PREDICTIONS_OF_MODEL,
    redis_keys.MODEL_IMPORTS_BY_STATUS,
    redis_keys.WAITING,
    redis_keys.MODELS_BY_NAME,
    redis_keys.MODELS_BY_DATASET,
    redis_keys.VERSIONS,
    redis_keys.ATTEMPT,
)
_KEYS = (
    redis_keys.JOBS,
    redis_keys.IMPORTS,
    redis_keys.EVALUATIONS,
    redis_keys.PREDICTIONS,
    redis_keys.MODEL_IMPORTS,
    redis_keys.QUEUE,
    redis_keys.LIGHT_QUEUE,
    redis_keys.WIDE,
    redis_keys.MODELS,
    redis_keys.PRODUCTION_NAMES,
)


def is_index(key: str) -> bool:
    """Whether the key is derived from the records of work items, models and aliases."""
    _, own = unscoped(key)
    return own in _KEYS or own.startswith(_PREFIXES)


def index_entries(record: Record) -> Iterator[Record]:
    """Yield the entries that a record has in the indexes: parts of their keys."""
    project, key = unscoped(record.key)
    if isinstance(record, HashRecord) and record.is_item:
        yield from _entries_of_job(record)
    elif isinstance(record, StringRecord) and key.startswith(redis_keys.MODEL):
        yield from _entries_of_model(record, project, key.removeprefix(redis_keys.MODEL))
    elif key.startswith(redis_keys.ALIASES) and "production" in record.value:
        name = key.removeprefix(redis_keys.ALIASES)
        yield ListRecord(key=scoped(project, redis_keys.PRODUCTION_NAMES), type="set", value=[name])


def _entries_of_job(record: HashRecord) -> Iterator[Record]:
    """Yield the entries of a work item; of one of a later kind only what every kind has, because the rest is unknown."""
    job, kind = record.value, record.kind
    if "attempt" in job:
        yield StringRecord(key=redis_keys.ATTEMPT + job["attempt"], value=job["id"])
    if kind is None:
        return
    for key in (BY_STATUS[kind] + job["status"], *_lists(record)):
        yield SortedSetRecord(key=key, value={job["id"]: 0})
    if "waits_for" in job and (not record.is_finished or job["status"] == Status.CANCELLED):
        yield ListRecord(key=redis_keys.WAITING + job["waits_for"], type="set", value=[job["id"]])
    if job["status"] == Status.QUEUED:
        order = float(job["submitted"]) - float(job.get("priority", 0)) * 2**40
        yield SortedSetRecord(key=QUEUES[LANES[kind]], value={job["id"]: order})
        if "gpus" in job:
            yield HashRecord(key=redis_keys.WIDE, value={job["id"]: job["gpus"]})


def _lists(record: HashRecord) -> Iterator[str]:
    job, project = record.value, record.project
    if record.kind is Kind.DATASET_IMPORT:
        if job["status"] != Status.SUCCEEDED and "is_deleted" not in job:
            yield scoped(project, redis_keys.IMPORTS)
        return
    if record.kind is Kind.MODEL_IMPORT:
        yield scoped(project, redis_keys.MODEL_IMPORTS)
        return
    if record.kind is Kind.EVALUATION:
        yield scoped(project, redis_keys.EVALUATIONS)
        yield scoped(project, redis_keys.EVALUATIONS_OF_MODEL) + job["model"]
        return
    if record.kind is Kind.BATCH_PREDICTION:
        yield scoped(project, redis_keys.PREDICTIONS)
        yield scoped(project, redis_keys.PREDICTIONS_OF_MODEL) + job["model"]
        return
    yield scoped(project, redis_keys.JOBS)
    yield scoped(project, redis_keys.JOBS_BY_NAME) + job["name"]
    yield scoped(project, redis_keys.JOBS_BY_DATASET) + job["dataset"]
    for tag in json.loads(job["tags"]):
        yield scoped(project, redis_keys.JOBS_BY_TAG) + tag


def _entries_of_model(record: StringRecord, project: str, model_id: str) -> Iterator[Record]:
    manifest = json.loads(record.value)
    name = manifest["name"]
    of_dataset = redis_keys.MODELS_BY_DATASET + manifest["dataset"]["id"]
    for key in (redis_keys.MODELS, redis_keys.MODELS_BY_NAME + name, of_dataset):
        yield SortedSetRecord(key=scoped(project, key), value={model_id: 0})
    versions = scoped(project, redis_keys.VERSIONS + name)
    yield SortedSetRecord(key=versions, value={model_id: manifest["version"]})
