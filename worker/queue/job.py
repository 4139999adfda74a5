"""A job: its record as everyone sees it, and the one table of legal changes. Knows no Redis."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, PlainSerializer

from model.artifact.manifest import FinishReason
from model.spec import ResolvedSpec


class Status(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"
    STOPPING = "stopping"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


TRANSITIONS: Mapping[Status, Mapping[Status, str]] = {
    Status.QUEUED: {
        Status.RUNNING: "claimed",
        Status.STOPPING: "claimed after stop",
        Status.PAUSED: "pause",
        Status.CANCELLED: "cancel",
    },
    Status.RUNNING: {
        Status.QUEUED: "attempt lost or drained",
        Status.PAUSING: "pause",
        Status.STOPPING: "stop",
        Status.CANCELLING: "cancel",
        Status.SUCCEEDED: "published",
        Status.FAILED: "error, or given up",
    },
    Status.PAUSING: {
        Status.PAUSED: "checkpoint saved",
        Status.STOPPING: "stop",
        Status.CANCELLING: "cancel",
        Status.SUCCEEDED: "published before it could pause",
        Status.FAILED: "error, or given up",
    },
    Status.PAUSED: {Status.QUEUED: "resume, or stop", Status.CANCELLED: "cancel"},
    Status.STOPPING: {
        Status.QUEUED: "attempt lost or drained",
        Status.CANCELLING: "cancel",
        Status.SUCCEEDED: "best so far published",
        Status.FAILED: "error, or given up",
    },
    Status.CANCELLING: {Status.CANCELLED: "trainer ended"},
    Status.SUCCEEDED: {},
    Status.FAILED: {},
    Status.CANCELLED: {},
}
"""The one state machine, each change with what brings it about: the scripts are given this very table."""

TERMINAL = frozenset(status for status, successors in TRANSITIONS.items() if not successors)

HELD = frozenset({Status.RUNNING, Status.PAUSING, Status.STOPPING, Status.CANCELLING})
"""While a job is one of these, an attempt holds it."""


class Phase(StrEnum):
    """What a running job is doing."""

    STARTING = "starting"
    PREPARING_DATA = "preparing_data"
    TRAINING = "training"
    EVALUATING = "evaluating"
    PUBLISHING = "publishing"


class Outcome(StrEnum):
    """How an attempt ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    STOPPED = "stopped"
    PAUSED = "paused"
    DRAINED = "drained"
    CRASHED = "crashed"
    STALLED = "stalled"
    OUT_OF_MEMORY = "out_of_memory"
    WORKER_LOST = "worker_lost"
    LEASE_LOST = "lease_lost"


DEATHS = frozenset({Outcome.CRASHED, Outcome.STALLED, Outcome.OUT_OF_MEMORY, Outcome.WORKER_LOST})
"""Outcomes that count towards giving a job up; the others are nobody's fault."""

DEATHS_ALLOWED = 3
"""So many deaths in a row without a new checkpoint fail the job."""


class QueuedReason(StrEnum):
    """Why a queued job does not run yet."""

    NO_WORKER = "no_worker"
    NO_MATCHING_WORKER = "no_matching_worker"
    """No live worker has as many devices."""
    BEHIND_OTHER_JOBS = "behind_other_jobs"


def as_text(moment: datetime) -> str:
    """A time as every record writes it: RFC 3339, UTC, milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Moment = Annotated[datetime, PlainSerializer(as_text, when_used="json")]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Progress(_Record):
    """How far a running job has come."""

    epoch: int
    epochs: int
    fraction: float
    images_per_s: float | None = None
    eta_s: float | None = None


class EpochRow(_Record):
    """One epoch's metrics."""

    epoch: int
    train_loss: float
    train_accuracy: float
    val_loss: float | None
    val_accuracy: float | None
    learning_rate: float
    images_per_s: float
    duration_s: float
    gradient_norm: float | None = None
    """Mean over the steps of the Euclidean norm of all gradients."""
    data_share: float | None = None
    """Of the training time, what went into making batches, 0 to 1."""
    peak_memory_mb: float | None = None
    """Most memory so far: of the trainer on CPUs, of the device on GPUs."""


class Best(_Record):
    """The best epoch so far."""

    epoch: int
    val_accuracy: float | None


class Checkpoint(_Record):
    """Where a next attempt would go on; kept for the workers, not shown."""

    key: str
    epoch: int
    """Completed epochs."""
    step: int
    """Steps into the next one."""
    best_key: str | None = None


class Attempt(_Record):
    """One worker's try at a job."""

    number: int
    worker: str
    started_at: Moment
    ended_at: Moment | None
    outcome: Outcome | None
    from_epoch: int


class Transition(_Record):
    """A change of status."""

    status: Status
    at: Moment


class ModelRef(_Record):
    """The model that a job made."""

    id: str
    name: str
    version: int


class JobResult(_Record):
    """What a succeeded job measured and made."""

    test_accuracy: float | None
    test_accuracy_tta: float | None
    ci95: tuple[float, float] | None
    model: ModelRef


class JobError(_Record):
    """Why a job failed."""

    code: str
    message: str


class Job(_Record):
    """A training job as its owner sees it."""

    id: str
    object: Literal["job"] = "job"
    status: Status
    phase: Phase | None
    name: str
    spec: ResolvedSpec
    warnings: list[str]
    created_by: str | None
    created_at: Moment
    started_at: Moment | None
    finished_at: Moment | None
    queue_position: int | None
    """1 is next."""
    queued_reason: QueuedReason | None
    progress: Progress | None
    metrics: EpochRow | None
    best: Best | None
    attempts: list[Attempt]
    transitions: list[Transition]
    finish_reason: FinishReason | None
    result: JobResult | None
    error: JobError | None
    tags: list[str]

    @property
    def is_finished(self) -> bool:
        """True when nothing will change any more."""
        return self.status in TERMINAL


@dataclass(frozen=True)
class NewJob:
    """What is submitted."""

    spec: ResolvedSpec
    created_by: str | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Idempotency:
    """A caller's Idempotency-Key and the hash of the body that came with it."""

    key: str
    body_hash: str


@dataclass(frozen=True)
class Submitted:
    """The answer to a submission; for a repeated one the first answer, word for word."""

    job_id: str
    job_json: str
    is_replay: bool

    @property
    def job(self) -> Job:
        """The job as it was when it was first submitted."""
        return Job.model_validate_json(self.job_json)


@dataclass(frozen=True)
class Committed:
    """A model past the commit point."""

    version: int
    manifest: dict[str, Any]
    manifest_json: str
    """The manifest's bytes to be; every attempt that repeats the publish writes the same."""


@dataclass(frozen=True)
class Claimed:
    """A job that is now this attempt's."""

    job_id: str
    attempt_number: int
    spec: ResolvedSpec
    created_by: str | None
    checkpoint: Checkpoint | None
    should_stop: bool
    """Publish the best so far as soon as there is one."""
    memory_deaths: int
    """Earlier attempts that ran out of memory."""
    pauses: tuple[tuple[float, float], ...]
    """From when to when it was paused so far, in Unix time."""
    committed: Committed | None
    """By an earlier attempt: only write the manifest and finish."""


@dataclass(frozen=True)
class Flags:
    """What a renewal brings back: what the job's owner wants of the attempt."""

    cancel: bool = False
    pause: bool = False
    stop: bool = False


@dataclass(frozen=True)
class Changes:
    """What an attempt has to tell; applied in one step, in the order of these fields."""

    phase: Phase | None = None
    rewind_to_epoch: int | None = None
    """Forget the rows after this epoch: the attempt starts again from there."""
    rows: tuple[EpochRow, ...] = ()
    best: Best | None = None
    checkpoint: Checkpoint | None = None
    progress: Progress | None = None
    log_lines: tuple[str, ...] = ()
