"""The messages between a training and the process around it: reports out, commands in. Imports no torch."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Command(StrEnum):
    """What the training shall do before its next step."""

    CONTINUE = "continue"
    DRAIN = "drain"
    """Save a checkpoint and end, so that another attempt can resume."""
    STOP = "stop"
    """Stop training, and evaluate and publish the best epoch so far."""


class Drained(Exception):  # noqa: N818 - a requested outcome, not an error
    """Raised when a drain was requested and the checkpoint is saved."""


@dataclass(frozen=True)
class Progress:
    """The position of a training after a step."""

    epoch: int
    """Current epoch, from 1."""
    epochs: int
    """Expected number of epochs."""
    step: int
    """Completed steps of the epoch."""
    steps: int
    """Steps per epoch."""
    fraction: float
    """Completed share of the whole training, 0 to 1."""
    images_per_s: float
    """Speed of the steps of this epoch that the device has computed."""
    eta_s: float
    """Estimated seconds to the end of the last step."""
    loss: float | None
    """Mean training loss of this epoch, as of the last time that it was read from the device; of the epoch before until
    then; None before the first time."""


@dataclass(frozen=True)
class EpochRow:
    """The metrics of one epoch. The `val_` fields are None without validation images."""

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
    """Share of the training time spent on making batches, 0 to 1; on GPUs the host's time only."""
    peak_memory_mb: float | None = None
    """Peak memory so far, in MB: of the process on CPUs, of the device on GPUs."""


@dataclass(frozen=True)
class CheckpointSaved:
    """A checkpoint from which the training can be resumed."""

    key: str
    """Storage key."""
    epoch: int
    """Completed epochs."""
    step: int
    """Completed steps of the next epoch."""
    best_key: str | None
    """Storage key of the checkpoint that contains the best weights so far; None before there are any."""


class Reporter(Protocol):
    """Receives the reports of a training and passes commands to it."""

    def rewind(self, epoch: int) -> None:
        """Report that the training resumes from the end of this epoch, because the newest checkpoint is damaged.

        Later epochs, although already reported, are trained again.
        """

    def phase(self, phase: str) -> None:
        """Report that a phase begins: preparing_data, training or evaluating."""

    def progress(self, progress: Progress) -> None:
        """Report the end of a step. Called after every step; a reporter may drop reports."""

    def epoch(self, row: EpochRow, is_best: bool) -> None:
        """Report the end of an epoch."""

    def checkpoint(self, saved: CheckpointSaved) -> None:
        """Report that a checkpoint is stored durably."""

    def next_command(self) -> Command:
        """Return the command to obey before the next step. May block while training must not continue."""
        ...
