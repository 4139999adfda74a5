"""What an attempt and the store pass to each other: the claimed job, reports, flags, the committed model. Knows no Redis."""

from dataclasses import dataclass
from typing import Any

from model.recipes.resolved_recipe import ResolvedRecipe
from model.spec import ResolvedSpec
from worker.queue.records import Best, Checkpoint, EpochRow, Progress
from worker.queue.states import Phase


@dataclass(frozen=True)
class Committed:
    """A model whose publication is committed."""

    version: int
    manifest: dict[str, Any]
    manifest_json: str
    """The bytes of the manifest file. Every attempt that repeats the publication writes the same bytes."""


@dataclass(frozen=True)
class Claimed:
    """A job that an attempt has just claimed."""

    job_id: str
    attempt_number: int
    spec: ResolvedSpec
    recipe: ResolvedRecipe | None
    """The recipe to train with; None for a job of an earlier version."""
    created_by: str | None
    checkpoint: Checkpoint | None
    should_stop: bool
    """True when the attempt shall end early and publish the best epoch so far."""
    memory_deaths: int
    """Number of earlier attempts that ran out of memory."""
    pauses: tuple[tuple[float, float], ...]
    """Start and end of each pause of the job so far, in Unix time."""
    committed: Committed | None
    """The model that an earlier attempt committed: this attempt only writes the manifest and finishes the job."""


@dataclass(frozen=True)
class Flags:
    """Requests of the job's owner, returned by each renewal of the lease."""

    cancel: bool = False
    pause: bool = False
    stop: bool = False


@dataclass(frozen=True)
class Report:
    """The content of one report of an attempt. The store applies all fields in one step, in this order."""

    phase: Phase | None = None
    rewind_to_epoch: int | None = None
    """Delete the rows after this epoch: the attempt continues from a checkpoint of this epoch."""
    rows: tuple[EpochRow, ...] = ()
    bests: tuple[Best, ...] = ()
    """One for each reported epoch that was the best so far, in order."""
    checkpoint: Checkpoint | None = None
    progress: Progress | None = None
    log_lines: tuple[str, ...] = ()
