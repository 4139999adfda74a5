"""What all imports of models of a worker share."""

from dataclasses import dataclass

from worker.attempt.context import WorkerContext
from worker.attempt.spawner import Spawner


@dataclass(frozen=True, kw_only=True)
class ModelImportContext(WorkerContext):
    """The spawner and the limit of one worker."""

    spawner: Spawner
    timeout_s: float
    """Maximum time of one attempt."""
