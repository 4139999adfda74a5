"""What all training attempts of a worker share."""

from dataclasses import dataclass
from pathlib import Path

from model.data.prepared.cache import DEFAULT_LIMITS, CacheLimits
from worker.attempt.context import WorkerContext
from worker.kinds.training.warm_standby import WarmStandby


@dataclass(frozen=True, kw_only=True)
class TrainingContext(WorkerContext):
    """The devices, the standby trainer and the limits of one worker."""

    standby: WarmStandby
    devices: tuple[str, ...]
    threads: int
    stall_timeout_s: float
    tensorboard_dir: Path | None = None
    keeps_states: bool = False
    """Whether the last state of a training is kept, so that the job can be extended."""
    cache_limits: CacheLimits = DEFAULT_LIMITS
