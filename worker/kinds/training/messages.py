"""The messages between supervisor and trainer: one class each, sent as lines of JSON, never pickled."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from model.artifact.manifest import ManifestDraft
from model.data.prepared.cache import DEFAULT_LIMITS, CacheLimits
from model.recipes.resolved_recipe import ResolvedRecipe
from model.spec import ResolvedSpec
from worker.attempt.messages import Completed, DrainCompleted, Failed, Line, PhaseBegun, read_line
from worker.queue.records import Best, Checkpoint, EpochRow, Progress

# Commands: from the supervisor, on the trainer's stdin.


class Start(Line):
    """Train this job."""

    kind: Literal["start"] = "start"
    job_id: str
    attempt_number: int
    model_id: str
    """The trainer stages the model's files under this id."""
    spec: ResolvedSpec
    recipe: ResolvedRecipe | None = None
    """The recipe to train with. None: the recipe that the spec names, as the trainer has it."""
    storage: str
    cache_dir: Path
    cache_limits: CacheLimits = DEFAULT_LIMITS
    out_prefix: str
    """Prefix of the keys of this attempt's checkpoints."""
    resume_from: str | None
    fall_back_to: tuple[str, ...] = ()
    """Older checkpoints, newest first, to resume from when `resume_from` is damaged."""
    state_prefix: str | None = None
    """Start of the key of the training's last state; None: the state is not kept."""
    continue_from: str | None = None
    """Key of the last state of the training that this one continues."""
    devices: tuple[str, ...]
    """One device for each process of the trainer."""
    threads: int
    pauses: tuple[tuple[float, float], ...] = ()
    """Start and end of each pause of the job so far, in Unix time."""
    curves: Path | None = None
    """Folder for TensorBoard's files; None writes none."""
    batch_parts: int = 1
    """Minimum number of micro-batches per batch; above 1 after attempts that ran out of memory."""
    deadline: float
    """End of the lease on the host's lease clock."""
    should_stop: bool = False
    """Publish the best epoch as soon as there is one."""


class Renewed(Line):
    """The lease was renewed until `deadline` on the host's lease clock."""

    kind: Literal["renewed"] = "renewed"
    deadline: float


class Drain(Line):
    """Save a checkpoint before the next step, report it and exit."""

    kind: Literal["drain"] = "drain"


class Stop(Line):
    """End training and publish the best epoch so far."""

    kind: Literal["stop"] = "stop"


TrainerCommand = Annotated[Start | Renewed | Drain | Stop, Field(discriminator="kind")]

# Messages: from the trainer, on a file descriptor of their own.


class Ready(Line):
    """Everything is imported; the trainer waits for its job."""

    kind: Literal["ready"] = "ready"


class Rewound(Line):
    """The newest checkpoints are damaged: training resumes from the end of this earlier epoch."""

    kind: Literal["rewound"] = "rewound"
    epoch: int


class Progressed(Line):
    """The progress of training, sent at most once a second."""

    kind: Literal["progress"] = "progress"
    progress: Progress


class EpochEnded(Line):
    """The metrics of an epoch; `best` is set when it is the best epoch so far."""

    kind: Literal["epoch"] = "epoch"
    row: EpochRow
    best: Best | None


class CheckpointPut(Line):
    """A checkpoint is in storage."""

    kind: Literal["checkpoint"] = "checkpoint"
    checkpoint: Checkpoint


class Staged(Completed):
    """All files of the model but the manifest are in storage."""

    kind: Literal["staged"] = "staged"
    draft: ManifestDraft


TrainerMessage = Annotated[
    Ready | PhaseBegun | Rewound | Progressed | EpochEnded | CheckpointPut | DrainCompleted | Staged | Failed,
    Field(discriminator="kind"),
]

_COMMANDS: TypeAdapter[TrainerCommand] = TypeAdapter(TrainerCommand)
_MESSAGES: TypeAdapter[TrainerMessage] = TypeAdapter(TrainerMessage)


def read_command(line: bytes) -> TrainerCommand:
    """Parse a command."""
    return _COMMANDS.validate_json(line)


def read_message(line: bytes) -> TrainerMessage | None:
    """Parse a message; None for a line that was cut short."""
    return read_line(_MESSAGES, line)
