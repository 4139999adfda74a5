"""Keeps this worker's line in the list of workers true. Knows no job beyond its id."""

import threading
from contextlib import suppress

from worker.errors import StoreUnavailableError
from worker.queue.live_workers import HEARTBEAT_EXPIRES_S, LiveWorkers, WorkerRecord, WorkerState

ANNOUNCE_EVERY_S = HEARTBEAT_EXPIRES_S / 3


class HeartbeatSender:
    """A thread that says every few seconds, and at each change, that the worker lives and what it does."""

    def __init__(self, presence: LiveWorkers, record: WorkerRecord) -> None:
        self._presence = presence
        self._record = record
        self._has_changed = threading.Event()
        self._is_over = False
        self._thread = threading.Thread(target=self._announce, name="announcer", daemon=True)

    @property
    def worker_id(self) -> str:
        """Who announces itself."""
        return self._record.id

    def start(self) -> None:
        """Announce from now on."""
        self._thread.start()

    def become(self, state: WorkerState, job_id: str | None = None) -> None:
        """Say what the worker does now."""
        self._record = self._record.model_copy(update={"state": state, "job_id": job_id})
        self._has_changed.set()

    def stop(self) -> None:
        """Say that the worker ends."""
        self._is_over = True
        self._has_changed.set()
        self._thread.join(1.0)
        with suppress(StoreUnavailableError):  # the record expires by itself
            self._presence.remove(self._record.id)

    def _announce(self) -> None:
        while not self._is_over:
            self._has_changed.clear()
            with suppress(StoreUnavailableError):  # the next one may arrive
                self._presence.send_heartbeat(self._record)
            self._has_changed.wait(ANNOUNCE_EVERY_S)
