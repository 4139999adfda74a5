"""The warm standby: an idle trainer that has imported torch already, so that the next job starts at once."""

import threading

from worker.attempt.child_process import ChildProcess
from worker.attempt.spawner import Spawner


class WarmStandby:
    """At most one trainer without a job."""

    def __init__(self, spawner: Spawner) -> None:
        self._spawner = spawner
        self._lock = threading.Lock()
        self._trainer: ChildProcess | None = None
        self._is_closed = False

    def prepare(self) -> None:
        """Start a standby trainer unless one is alive; call it when the worker becomes idle."""
        with self._lock:
            if self._is_closed or (self._trainer and self._trainer.is_alive):
                return
            if self._trainer:
                self._trainer.close()
            self._trainer = self._spawner.spawn()

    def take(self) -> ChildProcess:
        """Return the standby trainer, which may still be importing; without a live one, start a trainer."""
        with self._lock:
            trainer, self._trainer = self._trainer, None
        if trainer and trainer.is_alive:
            return trainer
        if trainer:
            trainer.close()
        return self._spawner.spawn()

    def close(self) -> None:
        """End the standby trainer; `prepare` starts no other one."""
        with self._lock:
            self._is_closed = True
            trainer, self._trainer = self._trainer, None
        if trainer:
            trainer.close()
