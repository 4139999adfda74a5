"""Sends this worker's heartbeat to the list of live workers. Knows of work items only their ids."""

import threading
from contextlib import suppress

from worker.errors import StoreUnavailableError
from worker.queue.live_workers import HEARTBEAT_EXPIRES_S, LiveWorkers, WorkerRecord, WorkerState

HEARTBEAT_EVERY_S = HEARTBEAT_EXPIRES_S / 3


class HeartbeatSender:
    """A thread that sends the worker's record every few seconds and at each change of its state."""

    def __init__(self, live_workers: LiveWorkers, record: WorkerRecord) -> None:
        self._live_workers = live_workers
        self._record = record
        self._has_changed = threading.Event()
        self._is_stopped = False
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    @property
    def worker_id(self) -> str:
        """The id of this worker."""
        return self._record.id

    def start(self) -> None:
        """Start the sending thread."""
        self._thread.start()

    def update(self, state: WorkerState, job_id: str | None = None) -> None:
        """Change the state in the record and send it at once."""
        self._record = self._record.model_copy(update={"state": state, "job_id": job_id})
        self._has_changed.set()

    def stop(self) -> None:
        """Stop sending and remove the worker from the list of live workers."""
        self._is_stopped = True
        self._has_changed.set()
        self._thread.join(1.0)
        with suppress(StoreUnavailableError):  # the record expires by itself
            self._live_workers.remove(self._record.id)

    def _run(self) -> None:
        while not self._is_stopped:
            self._has_changed.clear()
            with suppress(StoreUnavailableError):  # the next heartbeat may arrive
                self._live_workers.send_heartbeat(self._record)
            self._has_changed.wait(HEARTBEAT_EVERY_S)
