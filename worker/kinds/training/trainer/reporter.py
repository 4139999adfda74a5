"""Sends the events of a training run to the supervisor as messages."""

import time
from collections.abc import Callable
from typing import Any

from model.host.failpoints import Failpoint, reach
from model.training.reporter import CheckpointSaved, EpochRow, Progress
from worker.attempt.messages import PROGRESS_EVERY_S, Line, PhaseBegun
from worker.kinds.training.messages import (
    CheckpointPut,
    EpochEnded,
    Progressed,
    Rewound,
)
from worker.kinds.training.trainer.commands import CommandReceiver
from worker.queue import records
from worker.queue.states import Phase

_DIGITS = 7
"""Significant digits of a metric: as many as a 32-bit float has."""


class PipeReporter:
    """The `Reporter` of the model package, over the pipe to the supervisor."""

    def __init__(self, commands: CommandReceiver, send: Callable[[Line], None]) -> None:
        self._send = send
        self._progress_sent_at = 0.0
        self._unsent: Progress | None = None
        self.next_command = commands.next_command

    def phase(self, phase: str) -> None:
        """Report the phase that begins, and before it how far the last one came."""
        if self._unsent:
            self._send_progress(self._unsent)
        self._send(PhaseBegun(phase=Phase(phase)))

    def rewind(self, epoch: int) -> None:
        """Report that training starts again from the end of `epoch`."""
        self._send(Rewound(epoch=epoch))

    def progress(self, progress: Progress) -> None:
        """Report the progress, at most once a second."""
        if time.monotonic() - self._progress_sent_at < PROGRESS_EVERY_S:
            self._unsent = progress
        else:
            self._send_progress(progress)

    def _send_progress(self, progress: Progress) -> None:
        self._unsent, self._progress_sent_at = None, time.monotonic()
        self._send(
            Progressed(
                progress=records.Progress(
                    epoch=progress.epoch,
                    epochs=progress.epochs,
                    fraction=progress.fraction,
                    images_per_s=progress.images_per_s,
                    eta_s=progress.eta_s,
                )
            )
        )

    def epoch(self, row: EpochRow, is_best: bool) -> None:
        """Report the metrics of an epoch."""
        rounded = _rounded(row)
        best = records.Best(epoch=row.epoch, val_accuracy=rounded.val_accuracy) if is_best else None
        self._send(EpochEnded(row=rounded, best=best))

    def checkpoint(self, saved: CheckpointSaved) -> None:
        """Report that a checkpoint is in storage."""
        self._send(CheckpointPut(checkpoint=records.Checkpoint(**vars(saved))))
        reach(Failpoint.CHECKPOINT_REPORTED)


def _rounded(row: EpochRow) -> records.EpochRow:
    """Make the record of an epoch, whose numbers have no more digits than they were computed with."""
    numbers: dict[str, Any] = {
        name: float(f"{value:.{_DIGITS}g}") if isinstance(value, float) else value
        for name, value in vars(row).items()
    }
    return records.EpochRow(**numbers)
