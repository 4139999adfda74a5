"""What all imports of a worker share."""

from dataclasses import dataclass, field

from worker.attempt.context import WorkerContext
from worker.attempt.spawner import Spawner
from worker.kinds.dataset_import.sources.opening import SourceAccess


@dataclass(frozen=True, kw_only=True)
class ImportContext(WorkerContext):
    """The spawner and the limits of one worker."""

    spawner: Spawner
    timeout_s: float
    """Maximum time to read one upload."""
    sources: SourceAccess = field(default_factory=SourceAccess)
    """What imports may read beside uploads."""
