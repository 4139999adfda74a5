"""What supervisor and trainer say to each other: JSON lines, one class for each. Never pickled."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from model.artifact.manifest import ManifestDraft
from model.spec import ResolvedSpec
from worker.queue.records import Best, Checkpoint, EpochRow, Progress
from worker.queue.states import Phase


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True)


# From the supervisor, on the trainer's stdin


class Start(_Line):
    """Train this job."""

    kind: Literal["start"] = "start"
    job_id: str
    attempt_number: int
    model_id: str
    """Under which the trainer stages its files."""
    spec: ResolvedSpec
    storage: str
    cache_dir: Path
    out_prefix: str
    """Under which the trainer puts its checkpoints."""
    resume_from: str | None
    fall_back_to: tuple[str, ...] = ()
    """Earlier checkpoints, the newest first, should that one be damaged."""
    devices: tuple[str, ...]
    """One for each process that trains."""
    threads: int
    pauses: tuple[tuple[float, float], ...] = ()
    """From when to when the job was paused so far, in Unix time."""
    curves: Path | None = None
    """Where TensorBoard's files go, if anywhere."""
    batch_parts: int = 1
    """In so many parts, at the least, a batch is to be taken: earlier attempts ran out of memory."""
    deadline: float
    should_stop: bool = False
    """Publish the best so far as soon as there is one."""


class Renewed(_Line):
    """The lease is ours until this instant of the host's monotonic clock."""

    kind: Literal["renewed"] = "renewed"
    deadline: float


class Drain(_Line):
    """Put a checkpoint before the next step, say so and exit."""

    kind: Literal["drain"] = "drain"


class Stop(_Line):
    """Train no further than the best so far, and go on to publishing it."""

    kind: Literal["stop"] = "stop"


Order = Annotated[Start | Renewed | Drain | Stop, Field(discriminator="kind")]

# From the trainer, on a descriptor of its own


class Ready(_Line):
    """Everything is imported; a job may come."""

    kind: Literal["ready"] = "ready"


class PhaseBegun(_Line):
    """The trainer now does something else."""

    kind: Literal["phase"] = "phase"
    phase: Phase


class Rewound(_Line):
    """Checkpoints are damaged: training goes on from the end of this earlier epoch."""

    kind: Literal["rewound"] = "rewound"
    epoch: int


class Progressed(_Line):
    """How far training has come, twice a second at most."""

    kind: Literal["progress"] = "progress"
    progress: Progress


class EpochEnded(_Line):
    """An epoch's metrics; `best` when it is the best so far."""

    kind: Literal["epoch"] = "epoch"
    row: EpochRow
    best: Best | None


class CheckpointPut(_Line):
    """A checkpoint is in storage."""

    kind: Literal["checkpoint"] = "checkpoint"
    checkpoint: Checkpoint


class Drained(_Line):
    """The trainer stopped as it was told to; its checkpoint was said before."""

    kind: Literal["drained"] = "drained"


class Staged(_Line):
    """The model's files are in storage, all but the manifest."""

    kind: Literal["staged"] = "staged"
    draft: ManifestDraft


class Failed(_Line):
    """Training cannot succeed, now or at the next try; `out_of_memory` alone may."""

    kind: Literal["failed"] = "failed"
    code: str
    message: str


Message = Annotated[
    Ready | PhaseBegun | Rewound | Progressed | EpochEnded | CheckpointPut | Drained | Staged | Failed,
    Field(discriminator="kind"),
]

_ORDERS: TypeAdapter[Order] = TypeAdapter(Order)
_MESSAGES: TypeAdapter[Message] = TypeAdapter(Message)


def write_line(line: Order | Message) -> bytes:
    """One line of JSON, newline included."""
    return line.model_dump_json().encode() + b"\n"


def read_order(line: bytes) -> Order:
    """The order in a line."""
    return _ORDERS.validate_json(line)


def read_message(line: bytes) -> Message | None:
    """The message in a line; None for a line cut short by the trainer's death."""
    try:
        return _MESSAGES.validate_json(line)
    except ValidationError:
        if line.endswith(b"\n"):
            raise
        return None
