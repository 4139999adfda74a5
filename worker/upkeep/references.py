"""Finds what the records refer to in storage. Backup copies only that, and garbage collection deletes the rest."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from worker.queue.kinds import Kind
from worker.queue.states import TERMINAL
from worker.redis_server import keys as redis_keys
from worker.upkeep.records import HashRecord, ListRecord, Record, SortedSetRecord


@dataclass
class References:
    """Ids by kind; each id names a folder in storage."""

    jobs: set[str] = field(default_factory=set)
    """All jobs, finished ones included."""
    unfinished: set[str] = field(default_factory=set)
    """Jobs that have not finished."""
    models: set[str] = field(default_factory=set)
    """Published models, and models past their commit point."""
    retired: set[str] = field(default_factory=set)
    """Models whose deletion began."""
    datasets: set[str] = field(default_factory=set)
    uploads: set[str] = field(default_factory=set)
    """Keys of the zips that unfinished imports read."""

    def is_needed(self, key: str) -> bool:
        """True if the records refer to this object, or if it is an archived job, which is a record itself."""
        kind, owner, *_ = [*key.split("/"), ""]
        match kind:
            case "models":
                return owner in self.models
            case "datasets":
                return owner in self.datasets
            case "checkpoints":
                return owner in self.unfinished
            case "uploads":
                return key in self.uploads
        return kind == "archive"


def find_references(records: Iterable[Record]) -> References:
    """Collect the references of all records of one snapshot."""
    found = References()
    for record in records:
        if isinstance(record, HashRecord) and is_job(record):
            _add_item(found, record.value)
        elif record.key == redis_keys.MODELS and isinstance(record, SortedSetRecord):
            found.models.update(record.value)
        elif record.key == redis_keys.RETIRED_MODELS and isinstance(record, ListRecord):
            found.retired.update(record.value)
        elif record.key == redis_keys.DATASETS and isinstance(record, SortedSetRecord):
            found.datasets.update(record.value)
    return found


def is_job(record: Record) -> bool:
    """Whether this is the record of a job or an import, not one of its lists or streams."""
    return record.key.startswith(redis_keys.ITEM) and not record.is_bulk


def is_finished(job: dict[str, str]) -> bool:
    """Whether the record of a job says that the job has finished."""
    return job["status"] in TERMINAL


def _add_item(found: References, item: dict[str, str]) -> None:
    if item.get("kind", Kind.TRAINING) == Kind.TRAINING:
        _add_job(found, item)
    elif not is_finished(item):
        found.uploads.add(item["upload"])


def _add_job(found: References, job: dict[str, str]) -> None:
    found.jobs.add(job["id"])
    if is_finished(job):
        return  # its model is in the registry, or was deleted
    found.unfinished.add(job["id"])
    found.datasets.add(job["dataset"])
    if "manifest" in job:
        found.models.add(job["model_id"])
