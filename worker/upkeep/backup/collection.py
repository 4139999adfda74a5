"""Collects the records of a running service for a backup, in short steps and in an order that keeps them consistent.

Imports are read like jobs: *job* means every work item here.
"""

import json
from collections.abc import Iterable, Iterator

from worker.queue.kinds import Kind
from worker.queue.states import TERMINAL, Status
from worker.redis_server import keys as redis_keys
from worker.redis_server.projects import scoped, unscoped
from worker.upkeep.backup.dataset_records import read_datasets
from worker.upkeep.indexes import is_index
from worker.upkeep.record_reader import RecordReader, pages
from worker.upkeep.records import HashRecord, ListRecord, Record

_READ_OTHERWISE = (
    redis_keys.ITEM,
    redis_keys.ROWS,
    redis_keys.BESTS,
    redis_keys.LOGS,
    redis_keys.EVENTS,
    redis_keys.FEED,
    redis_keys.IDEMPOTENCY,
    redis_keys.ALIASES,
    redis_keys.DATASET,
    redis_keys.DATASETS,
    redis_keys.DATASET_NAMES,
    redis_keys.DATASET_VERSIONS,
    redis_keys.LAST_DATASET_VERSIONS,
    redis_keys.RETIRED_DATASETS,  # a dataset in a backup is not being deleted
)
"""What keys begin with that are not read as they are found."""
_SINGLE = (
    redis_keys.SUBMITTED,
    redis_keys.NOT_BEFORE,
    redis_keys.ENDED_CHECKPOINTS,
    redis_keys.ENDED_IMPORTS,
    redis_keys.RETIRED_MODELS,
    redis_keys.LAST_VERSIONS,
    redis_keys.DATASETS_ADDED,
)
"""Read although they may come into being only after the keys were listed."""
_TRIES = 5


class RecordCollection:
    """Reads each record once, unfinished jobs last, and closes the gaps that arise because time passes meanwhile.

    A finished job never changes, so it may be read at any time. What else changes is read again until the records fit
    together: a job that succeeded has its model, a model in the backup has no unfinished job, an alias has its target.
    """

    def __init__(self, reader: RecordReader) -> None:
        self._reader = reader
        self._seen: set[str] = set()
        """The ids of all jobs that were read."""
        self._kept: dict[str, HashRecord] = {}
        """The jobs that had not finished, by id; read again when they finish."""
        self._last_events: dict[str, str] = {}
        self._models: dict[str, None] = {}
        """The keys of the models that exist; a dict, because it keeps their order."""
        self._read_models: set[str] = set()
        self._live_models: set[str] = set()
        self._names: set[tuple[str, str]] = set()
        """The names that have aliases, each with its project."""
        self._aliases: dict[tuple[str, str], list[Record]] = {}
        self._others = {scoped(project, key) for project in reader.projects() for key in _SINGLE}
        self.later: list[str] = []
        """The ids of the work items of kinds that only a later release knows; they are copied as they are."""

    def finished_jobs(self) -> Iterator[Record]:
        """Yield the feed, the remembered requests, and all jobs that have finished. This is most of the work."""
        yield from self._read([redis_keys.FEED])
        unfinished: list[str] = []
        for page in self._reader.key_pages():
            # A remembered request is read before its job: the job is then found, or was deleted.
            yield from self._read(key for key in page if key.startswith(redis_keys.IDEMPOTENCY))
            for job_ids in pages(self._new_jobs(page)):
                jobs = [job for job, _ in self._reader.jobs(job_ids)]
                unfinished += [job.value["id"] for job in jobs if not job.is_finished]
                yield from self._complete(job for job in jobs if job.is_finished)
        self._seen.difference_update(unfinished)

    def read_unfinished_jobs(self) -> list[HashRecord]:
        """Read the jobs that had not finished before or are new; returns those that have not finished."""
        new: list[str] = []
        for page in self._reader.key_pages():
            new += self._new_jobs(page)
            for key in page:
                self._note(key)
        self._keep(new)
        self._keep(sorted(self._waited_for() - self._seen))
        return [job for job in self._kept.values() if not job.is_finished]

    def remaining(self) -> Iterator[Record]:
        """Yield all other records."""
        for project, name in sorted(self._names):
            yield from self._read_aliases(project, name)
        yield from self._read_new_models(self._models)
        for job_id in self._kept:
            yield from self._model_of(job_id)
        while changed := self._finished_meanwhile():
            self._keep(changed)
            for job_id in changed:
                yield from self._model_of(job_id)
        yield from self._datasets()
        yield from self._read_others()
        for records in self._aliases.values():
            yield from records
        yield from self._complete(self._kept.values())

    def _new_jobs(self, keys: Iterable[str]) -> list[str]:
        ids = {key.removeprefix(redis_keys.ITEM) for key in keys if key.startswith(redis_keys.ITEM)}
        new = sorted(ids - self._seen)
        self._seen.update(new)
        return new

    def _note(self, key: str) -> None:
        project, own = unscoped(key)
        if own.startswith(redis_keys.MODEL):
            self._models[key] = None
        elif own.startswith(redis_keys.ALIAS_HISTORY):
            self._names.add((project, own.removeprefix(redis_keys.ALIAS_HISTORY)))
        elif not own.startswith(_READ_OTHERWISE) and not is_index(key):
            self._others.add(key)

    def _read(self, keys: Iterable[str]) -> Iterator[Record]:
        for key in dict.fromkeys(keys):  # a page may name a key twice
            if record := self._reader.read(key):
                yield record

    def _keep(self, job_ids: list[str]) -> None:
        """Read jobs, again if they were kept before; forget those that were deleted."""
        for job_id in job_ids:
            self._kept.pop(job_id, None)
        for job, last_event in self._reader.jobs(job_ids):
            self._kept[job.value["id"]] = job
            self._last_events[job.value["id"]] = last_event

    def _waited_for(self) -> set[str]:
        """Return the ids of the imports that kept jobs wait for."""
        jobs = (job.value for job in self._kept.values() if not job.is_finished)
        return {job["waits_for"] for job in jobs if "waits_for" in job}

    def _finished_meanwhile(self) -> list[str]:
        """Return the kept jobs that have finished, or were deleted, since they were read."""
        unfinished = [job_id for job_id, job in self._kept.items() if not job.is_finished]
        statuses = self._reader.fields(unfinished, "status")
        return [job_id for job_id, (status,) in statuses if status is None or status in TERMINAL]

    def _model_of(self, job_id: str) -> Iterator[Record]:
        """Yield the model that a job has published, and read the aliases of its name again."""
        job = self._kept.get(job_id)
        if job is not None and job.value["status"] == Status.SUCCEEDED:
            if job.kind is not Kind.TRAINING:
                return
            model_id = json.loads(job.value["result"])["model"]["id"]
            yield from self._read_new_models([scoped(job.project, redis_keys.MODEL) + model_id])
            yield from self._read_aliases(job.project, job.value["name"])

    def _read_aliases(self, project: str, name: str) -> Iterator[Record]:
        """Read the aliases of a name, and yield the models they point at.

        The target of an alias is never deleted. When it is missing, the alias has changed between two reads.
        """
        for _ in range(_TRIES):
            self._aliases[project, name], aliases, targets = self._reader.aliases(project, name)
            yield from self._read_new_models(targets)
            if aliases == len(self._live_models.intersection(targets)):
                return

    def _read_new_models(self, keys: Iterable[str]) -> Iterator[Record]:
        for page in pages(key for key in keys if key not in self._read_models):
            for record, is_retired in self._reader.models(page):
                if not is_retired:
                    self._live_models.add(record.key)
                    yield record
            self._read_models.update(page)

    def _datasets(self) -> Iterator[Record]:
        for project in self._reader.projects():
            yield from read_datasets(self._reader, project, self._kept)

    def _read_others(self) -> Iterator[Record]:
        for record in map(self._without_lost_members, self._read(sorted(self._others))):
            if record.value:
                yield record
        unfinished = {job_id for job_id, job in self._kept.items() if not job.is_finished}
        # A job that waits may have been read before its import ended: such an import is settled once more.
        if ended := sorted(self._waited_for() - unfinished):
            yield ListRecord(key=redis_keys.ENDED_IMPORTS, type="set", value=ended)

    def _complete(self, jobs: Iterable[HashRecord]) -> Iterator[Record]:
        """Yield jobs with their rows, logs and events; none of it if a job was deleted meanwhile."""
        for page in pages(jobs):
            later = [job.value["id"] for job in page if job.kind is None]
            self.later += later
            yield from self._reader.places(later)
            ids = {job.key: job.value["id"] for job in page}
            ends = {job_id: self._last_events.get(job_id, "+") for job_id in ids.values()}
            belongings = list(self._reader.belongings(ends))
            existing = {ids[key] for key in self._reader.existing(list(ids))}
            yield from (job for job in page if job.value["id"] in existing)
            yield from (record for record in belongings if record.key.rpartition(":")[2] in existing)

    def _without_lost_members(self, record: Record) -> Record:
        """Drop from sets of jobs and models the members whose record in the backup is of another time."""
        project, own = unscoped(record.key)
        if own == redis_keys.NOT_BEFORE and isinstance(record, HashRecord):
            queued = {job_id for job_id, job in self._kept.items() if job.value["status"] == Status.QUEUED}
            kept = {job_id: due for job_id, due in record.value.items() if job_id in queued}
            return record.model_copy(update={"value": kept})
        if own == redis_keys.ENDED_CHECKPOINTS and isinstance(record, ListRecord):
            unfinished = {job_id for job_id, job in self._kept.items() if not job.is_finished}
            ended = [job_id for job_id in record.value if job_id not in unfinished]
            return record.model_copy(update={"value": ended})
        if own == redis_keys.RETIRED_MODELS and isinstance(record, ListRecord):
            prefix = scoped(project, redis_keys.MODEL)
            retired = [model_id for model_id in record.value if prefix + model_id not in self._live_models]
            return record.model_copy(update={"value": retired})
        return record
