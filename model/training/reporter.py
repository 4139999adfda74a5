"""What a running training says and hears. Imports no torch."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Command(StrEnum):
    """The outside's answer before each step."""

    CONTINUE = "continue"
    DRAIN = "drain"
    """Save a checkpoint and end."""
    STOP = "stop"
    """Train no further than the best so far, and judge that."""


class Drained(Exception):  # noqa: N818 - an outcome that was asked for, not an error
    """Raised when a drain was asked for and the checkpoint is saved."""


@dataclass(frozen=True)
class Progress:
    """Where a run is."""

    epoch: int
    """From 1."""
    epochs: int
    step: int
    """Steps done within the epoch."""
    steps: int
    """Steps of an epoch."""
    fraction: float
    """Of the whole run, 0 to 1."""
    images_per_s: float
    eta_s: float
    loss: float
    """Mean of this epoch as last read."""


@dataclass(frozen=True)
class EpochRow:
    """One epoch's results; the fields with `val_` are None without validation images."""

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
    """Of the training time, what went into making batches, 0 to 1; on GPUs what the host took."""
    peak_memory_mb: float | None = None
    """Most memory so far: of the process on CPUs, of the device on GPUs."""


@dataclass(frozen=True)
class CheckpointSaved:
    """Where a run can go on from."""

    key: str
    epoch: int
    """Completed epochs."""
    step: int
    """Completed steps of the next epoch."""
    best_key: str | None
    """The checkpoint that holds the best weights so far."""


class Reporter(Protocol):
    """All that the outside hears of a training, and all that it may say."""

    def rewind(self, epoch: int) -> None:
        """The run goes on from the end of this epoch, earlier than it was told to: what came after happens anew."""

    def phase(self, phase: str) -> None:
        """A phase begins: preparing_data, training, evaluating."""

    def progress(self, progress: Progress) -> None:
        """A step ended; the reporter throttles."""

    def epoch(self, row: EpochRow, is_best: bool) -> None:
        """An epoch ended."""

    def checkpoint(self, saved: CheckpointSaved) -> None:
        """A checkpoint is safely stored."""

    def next_command(self) -> Command:
        """Asked before each step; may block while the run must wait."""
        ...
