"""What all imports of a worker share."""

from dataclasses import dataclass

from worker.attempt.context import WorkerContext
from worker.attempt.spawner import Spawner


@dataclass(frozen=True, kw_only=True)
class ImportContext(WorkerContext):
    """The spawner and the limits of one worker."""

    spawner: Spawner
    timeout_s: float
    """Maximum time to read one upload."""
