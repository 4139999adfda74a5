"""Collects what an attempt at a job has to report: beside the common parts all rows and bests, and the last checkpoint."""

from worker.attempt.outbox import Outbox
from worker.queue.attempt_messages import TrainingReport
from worker.queue.records import Best, Checkpoint, EpochRow


class TrainingOutbox(Outbox):
    """Unsent changes of a job."""

    def __init__(self) -> None:
        super().__init__()
        self._rewind_to_epoch: int | None = None
        self._rows: list[EpochRow] = []
        self._bests: list[Best] = []
        self._checkpoint: Checkpoint | None = None

    def add_rewind(self, epoch: int) -> None:
        """Add that training starts again from the end of `epoch`; call it before the first row of this attempt."""
        with self._lock:
            self._rewind_to_epoch = epoch
        self.has_changes.set()

    def add_row(self, row: EpochRow, best: Best | None) -> None:
        """Add the metrics of an epoch; `best` is given when this epoch is the best so far."""
        with self._lock:
            self._rows.append(row)
            if best:
                self._bests.append(best)
        self.has_changes.set()

    def add_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Add the checkpoint from which the next attempt would resume."""
        with self._lock:
            self._checkpoint = checkpoint
        self.has_changes.set()

    def _take_report(self) -> TrainingReport:
        report = TrainingReport(
            phase=self._phase,
            rewind_to_epoch=self._rewind_to_epoch,
            rows=tuple(self._rows),
            bests=tuple(self._bests),
            checkpoint=self._checkpoint,
            progress=self._progress,
            log_lines=self._take_lines(),
        )
        self._rewind_to_epoch = self._checkpoint = None
        self._rows.clear()
        self._bests.clear()
        return report
