"""A warm trainer in waiting: torch is imported before a job comes, so that the job need not wait for it."""

import threading

from worker.kinds.training.trainer_process import Spawner, TrainerProcess


class WarmStandby:
    """At most one trainer that has no job yet."""

    def __init__(self, spawner: Spawner) -> None:
        self._spawner = spawner
        self._lock = threading.Lock()
        self._trainer: TrainerProcess | None = None
        self._is_closed = False

    def prepare(self) -> None:
        """Have a spare; to be called when the worker becomes idle."""
        with self._lock:
            if self._is_closed or (self._trainer and self._trainer.is_alive):
                return
            if self._trainer:
                self._trainer.close()
            self._trainer = self._spawner.spawn()

    def take(self) -> TrainerProcess:
        """The spare, even one still importing, or else a trainer started now."""
        with self._lock:
            trainer, self._trainer = self._trainer, None
        if trainer and trainer.is_alive:
            return trainer
        if trainer:
            trainer.close()
        return self._spawner.spawn()

    def close(self) -> None:
        """End the spare for good."""
        with self._lock:
            self._is_closed = True
            trainer, self._trainer = self._trainer, None
        if trainer:
            trainer.close()
