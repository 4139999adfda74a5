"""Which checkpoints of a job are kept: the last two and the best. Decides only after the record's pointer moved."""

import logging
from pathlib import PurePath

from model.errors import StorageError
from model.storage.interface import Storage
from worker.queue.records import Checkpoint
from worker.queue.storage_keys import checkpoints_prefix

_log = logging.getLogger(__name__)


class AttemptCheckpoints:
    """A job's checkpoints in storage, as one attempt sees them."""

    def __init__(self, storage: Storage, job_id: str, resumed: Checkpoint | None) -> None:
        self._storage = storage
        self._prefix = checkpoints_prefix(job_id)
        self._current = resumed
        self._known: set[str] = set()

    def look(self) -> None:
        """Learn what earlier attempts left."""
        try:
            self._known.update(self._storage.list(f"{self._prefix}/"))
        except StorageError as error:
            _log.warning("%s", error)

    def earlier(self) -> tuple[str, ...]:
        """Checkpoints of earlier positions than the record's, the newest first; their names begin with it."""
        if self._current is None:
            return ()
        current = _name(self._current.key)
        earlier = [key for key in self._known if _name(key) < current]
        return tuple(sorted(earlier, key=_name, reverse=True))

    def move_to(self, checkpoint: Checkpoint) -> None:
        """The record now points here: delete what no attempt will ask for again.

        Only what was seen before is deleted: the trainer may be putting the next one already.
        """
        keys = (checkpoint.key, checkpoint.best_key, self._current and self._current.key)
        kept = {key for key in keys if key}
        for key in self._known - kept:
            self._delete(key)
        self._known = kept
        self._current = checkpoint

    def clear(self) -> None:
        """Delete them all: the job has a model."""
        self._delete(self._prefix)

    def _delete(self, key: str) -> None:
        try:
            self._storage.delete(key)
        except StorageError as error:
            _log.warning("%s", error)  # litter harms no one


def _name(key: str) -> str:
    """Without the attempt: a position, in figures of equal length, and a hash."""
    return PurePath(key).name
