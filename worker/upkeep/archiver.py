"""Moves jobs that ended long ago from Redis to storage, where they cost no memory. Any number may do it at once."""

import json
import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from model.errors import ObjectExistsError, StorageError
from model.storage.interface import Storage
from worker.errors import JobNotFoundError, StoreUnavailableError
from worker.queue.storage_keys import checkpoints_prefix
from worker.queue.store import JobStore
from worker.redis_server.timestamps import format_time
from worker.upkeep.archive import ArchivedJob, JobArchive

EVERY_S = 600.0

_log = logging.getLogger(__name__)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class JobArchiver:
    """One of those that archive."""

    def __init__(
        self,
        store: JobStore,
        storage: Storage,
        after_days: float,
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._store = store
        self._storage = storage
        self._archive = JobArchive(storage)
        self._after_days = after_days
        self._clock = clock

    def tick(self) -> list[str]:
        """Archive what is old enough; the ids of what this one archived."""
        if not self._after_days:
            return []
        done: list[str] = []
        before = format_time(self._clock() - timedelta(days=self._after_days))
        while job_ids := self._store.finished_before(before):
            done += [job_id for job_id in job_ids if self._move(job_id)]
        return done

    def run(self, stopped: threading.Event, every_s: float = EVERY_S) -> None:
        """Look again and again until stopped."""
        while not stopped.wait(every_s):
            try:
                if done := self.tick():
                    _log.info("archived %s jobs", len(done))
            except (StorageError, StoreUnavailableError) as error:
                _log.warning("no jobs are archived for now: %s", error)

    def _move(self, job_id: str) -> bool:
        """Written first, forgotten after: a death in between leaves it in both, and the next one goes on."""
        try:
            self._put(job_id)
            self._storage.delete(checkpoints_prefix(job_id))
            self._store.delete(job_id)
        except JobNotFoundError:
            return False  # its owner or another housekeeper was first
        return True

    def _put(self, job_id: str) -> None:
        archived = ArchivedJob(
            job=json.loads(self._store.get_json(job_id)),
            rows=self._store.rows(job_id),
            log_lines=self._store.logs(job_id),
        )
        try:
            self._archive.put(archived)
        except ObjectExistsError:
            _log.warning("job %s is in the archive already, as an earlier version wrote it", job_id)
