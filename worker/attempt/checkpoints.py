"""Decides which checkpoints of a job stay in storage: the one in the job record, and the one before it.

Checkpoints are deleted only after the job record points at a newer one.
"""

import logging
from pathlib import PurePath

from model.errors import StorageError
from model.storage.interface import Storage
from worker.queue.ids import checkpoints_prefix
from worker.queue.records import Checkpoint

_log = logging.getLogger(__name__)


class AttemptCheckpoints:
    """The checkpoints of one job in storage, as one attempt manages them."""

    def __init__(self, storage: Storage, job_id: str, resumed_from: Checkpoint | None) -> None:
        self._storage = storage
        self._prefix = checkpoints_prefix(job_id)
        self._current = resumed_from
        self._known: set[str] = set()

    def find_existing(self) -> None:
        """List the checkpoints that earlier attempts left in storage."""
        try:
            self._known.update(self._storage.list(f"{self._prefix}/"))
        except StorageError as error:
            _log.warning("could not list checkpoints: %s", error)

    def fallbacks(self) -> tuple[str, ...]:
        """Return the keys of checkpoints older than the recorded one, newest first.

        The trainer resumes from one of these when the recorded checkpoint is damaged.
        """
        if self._current is None:
            return ()
        current = _position(self._current.key)
        older = [key for key in self._known if _position(key) < current]
        return tuple(sorted(older, key=_position, reverse=True))

    def record_moved_to(self, checkpoint: Checkpoint) -> None:
        """Delete the checkpoints that are obsolete now that the job record points at `checkpoint`.

        Only keys seen before this call are deleted: the trainer may be writing its next checkpoint already.
        """
        keys = (checkpoint.key, checkpoint.best_key, self._current and self._current.key)
        kept = {key for key in keys if key}
        for key in self._known - kept:
            self._delete(key)
        self._known = kept
        self._current = checkpoint

    def delete_all(self) -> None:
        """Delete every checkpoint of the job, once the job has ended; if that fails, a cleaner does it."""
        self._delete(self._prefix)

    def _delete(self, key: str) -> None:
        try:
            self._storage.delete(key)
        except StorageError as error:
            _log.warning(
                "could not delete checkpoint %s; it is removed when the job has ended: %s", key, error
            )


def _position(key: str) -> str:
    """Return the file name of a checkpoint: its position in the run, zero-padded so that it sorts, and a hash."""
    return PurePath(key).name
