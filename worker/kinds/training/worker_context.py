"""What all training attempts of a worker share."""

from dataclasses import dataclass
from pathlib import Path

from worker.attempt.drain import DrainSignal
from worker.kinds.training.warm_standby import WarmStandby
from worker.queue.store import JobStore


@dataclass(frozen=True)
class WorkerContext:
    """The store, settings and resources of one worker."""

    store: JobStore
    storage_url: str
    cache_dir: Path
    standby: WarmStandby
    drain: DrainSignal
    devices: tuple[str, ...]
    threads: int
    lease_s: float
    renew_every_s: float
    stall_timeout_s: float
    tensorboard_dir: Path | None = None

    def may_wait(self) -> bool:
        """Whether an attempt may go on retrying: not once the worker has drained for longer than allowed."""
        return not self.drain.is_overdue
