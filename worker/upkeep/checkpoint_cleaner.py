"""Deletes the checkpoints of ended jobs from storage. Several cleaners may run, and each step may be repeated."""

import logging
from collections.abc import Callable

from model.errors import StorageError
from model.storage.interface import Storage
from worker.queue.ids import checkpoints_prefix
from worker.queue.store import JobStore
from worker.redis_server.projects import DEFAULT_PROJECT

CLEAN_EVERY_S = 10.0

_log = logging.getLogger(__name__)


class CheckpointCleaner:
    """Deletes the checkpoints of each job that the script which ended the job has put on a list.

    Nothing resumes a job that succeeded, failed or was cancelled. The attempt may have deleted the checkpoints already;
    no attempt does when a paused job is cancelled, or when a reaper ends the job.
    """

    def __init__(self, store: JobStore, storage_of: Callable[[str], Storage]) -> None:
        """`storage_of` returns the storage of a project."""
        self._store = store
        self._storage_of = storage_of

    def clean(self) -> list[str]:
        """Delete the checkpoints of the jobs on the list; returns the ids of the jobs that left it."""
        return [job_id for job_id in self._store.ended_with_checkpoints() if self._delete(job_id)]

    def _delete(self, job_id: str) -> bool:
        """Delete the checkpoints first: after a crash in between, the job is still on the list."""
        project = self._store.project_of(job_id) or DEFAULT_PROJECT
        try:
            self._storage_of(project).delete(checkpoints_prefix(job_id))
        except StorageError as error:
            _log.warning("could not delete the checkpoints of job %s, trying again: %s", job_id, error)
            return False
        self._store.note_checkpoints_deleted(job_id)
        return True
