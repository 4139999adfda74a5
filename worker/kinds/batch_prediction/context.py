"""What all batch predictions of a worker share."""

from dataclasses import dataclass

from model.data.prepared.cache import DEFAULT_LIMITS, CacheLimits
from worker.attempt.context import WorkerContext
from worker.attempt.spawner import Spawner


@dataclass(frozen=True, kw_only=True)
class PredictionContext(WorkerContext):
    """The spawner and the limits of one worker."""

    spawner: Spawner
    threads: int
    """CPU threads of a classifying process."""
    cache_limits: CacheLimits = DEFAULT_LIMITS
