"""What all attempts of a worker share, whatever their kind."""

from dataclasses import dataclass
from pathlib import Path

from worker.attempt.drain import DrainSignal
from worker.queue.store import JobStore


@dataclass(frozen=True, kw_only=True)
class WorkerContext:
    """The store and the settings of one worker."""

    store: JobStore
    storage_url: str
    cache_dir: Path
    drain: DrainSignal
    lease_s: float
    renew_every_s: float

    def may_wait(self) -> bool:
        """Whether an attempt may go on retrying: not once the worker has drained for longer than allowed."""
        return not self.drain.is_overdue
