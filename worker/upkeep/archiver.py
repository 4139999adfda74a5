"""Moves jobs that finished long ago from Redis to the archive, and deletes old imports, to free Redis's memory.

Several archivers may run.
"""

import json
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from model.errors import ObjectExistsError
from model.storage.interface import Storage
from worker.errors import JobNotFoundError
from worker.queue.archive import ArchivedJob, JobArchive
from worker.queue.ids import checkpoints_prefix
from worker.queue.kinds import Kind
from worker.queue.store import JobStore
from worker.redis_server.timestamps import format_time, utc_now

ARCHIVE_EVERY_S = 600.0

_log = logging.getLogger(__name__)


class JobArchiver:
    """Archives the jobs that finished more than `after_days` ago; 0 archives none."""

    def __init__(
        self,
        store: JobStore,
        storage_of: Callable[[str], Storage],
        after_days: float,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """`storage_of` returns the storage of a project."""
        self._store = store
        self._storage_of = storage_of
        self._after_days = after_days
        self._clock = clock

    def archive_old_jobs(self) -> list[str]:
        """Archive all jobs that are old enough; returns the ids of those that this archiver moved."""
        if not self._after_days:
            return []
        archived: list[str] = []
        before = format_time(self._clock() - timedelta(days=self._after_days))
        while job_ids := self._store.finished_before(before):
            moved = [job_id for job_id in job_ids if self._move(job_id)]
            archived += moved
            if not moved:  # they are tried again at the next time
                break
        if archived:
            _log.info("archived %s jobs", len(archived))
        return archived

    def delete_old_imports(self) -> list[str]:
        """Delete the records of imports that ended as long ago; a dataset has its own record. Returns their ids."""
        if not self._after_days:
            return []
        deleted: list[str] = []
        before = format_time(self._clock() - timedelta(days=self._after_days))
        unsettled = set(self._store.ended_imports())
        while import_ids := set(self._store.finished_before(before, kind=Kind.DATASET_IMPORT)) - unsettled:
            gone = [import_id for import_id in sorted(import_ids) if self._delete(import_id)]
            deleted += gone
            if not gone:
                break
        return deleted

    def _delete(self, item_id: str) -> bool:
        try:
            self._store.delete(item_id, None)
        except JobNotFoundError:  # another process deleted it
            return False
        return True

    def _move(self, job_id: str) -> bool:
        """Archive one job; False when it was deleted or archived meanwhile.

        The job is written before it is deleted: after a crash in between it is in both places, and the next archiver
        repeats the move.
        """
        project = self._store.project_of(job_id)
        if project is None:
            return False
        storage = self._storage_of(project)
        try:
            self._put(job_id, storage)
            storage.delete(checkpoints_prefix(job_id))
            self._store.delete(job_id, None)
        except JobNotFoundError:
            return False
        return True

    def _put(self, job_id: str, storage: Storage) -> None:
        archived = ArchivedJob(
            job=json.loads(self._store.get_json(job_id, None)),
            rows=self._store.rows(job_id, project=None),
            log_lines=self._store.logs(job_id, project=None),
        )
        try:
            JobArchive(storage).put(archived)
        except ObjectExistsError:
            _log.warning("job %s is in the archive already, written by another version of Ninefold", job_id)
