"""What an attempt still has to tell the store: bounded, however long the store is away. Knows no process."""

import threading
import time
from collections import deque

from worker.queue.attempt_messages import Report
from worker.queue.records import Best, Checkpoint, EpochRow, Progress
from worker.queue.states import Phase

MAX_LINES = 2000
"""As many as the job keeps."""
MAX_LINES_AT_ONCE = 500
LINES_PER_S = 100.0
LAST_LINES = 50


class Outbox:
    """Collects the next report: only the latest progress is kept, all epoch rows are kept, log lines are capped."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.has_news = threading.Event()
        self._phase: Phase | None = None
        self._rewind_to_epoch: int | None = None
        self._rows: list[EpochRow] = []
        self._best: Best | None = None
        self._checkpoint: Checkpoint | None = None
        self._progress: Progress | None = None
        self._lines: deque[str] = deque(maxlen=MAX_LINES)
        self._last_lines: deque[str] = deque(maxlen=LAST_LINES)
        self._dropped = 0
        self._allowance = float(MAX_LINES)
        self._allowed_at = time.monotonic()

    def add_phase(self, phase: Phase) -> None:
        """Tell what the trainer does now."""
        with self._lock:
            self._phase = phase
        self.has_news.set()

    def add_rewind(self, epoch: int) -> None:
        """Tell that what came after this epoch happens anew; before the rows of this attempt."""
        with self._lock:
            self._rewind_to_epoch = epoch
        self.has_news.set()

    def add_progress(self, progress: Progress) -> None:
        """Tell how far it has come; only the latest counts."""
        with self._lock:
            self._progress = progress
        self.has_news.set()

    def add_row(self, row: EpochRow, best: Best | None) -> None:
        """Tell an epoch's metrics."""
        with self._lock:
            self._rows.append(row)
            self._best = best or self._best
        self.has_news.set()

    def add_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Tell where a next attempt would go on."""
        with self._lock:
            self._checkpoint = checkpoint
        self.has_news.set()

    def add_line(self, line: str) -> None:
        """Tell a line of the trainer's log; of a flood only so many a second."""
        with self._lock:
            self._last_lines.append(line)
            if self._may_add_line():
                self._note_dropped()
                self._lines.append(line)
            else:
                self._dropped += 1
        self.has_news.set()

    @property
    def last_lines(self) -> list[str]:
        """The end of the log, for the message of a death."""
        with self._lock:
            return list(self._last_lines)

    def take(self) -> Report | None:
        """All that is new; None when nothing is."""
        with self._lock:
            self.has_news.clear()
            report = Report(
                phase=self._phase,
                rewind_to_epoch=self._rewind_to_epoch,
                rows=tuple(self._rows),
                best=self._best,
                checkpoint=self._checkpoint,
                progress=self._progress,
                log_lines=self._take_lines(),
            )
            self._rewind_to_epoch = None
            self._phase = self._best = self._checkpoint = self._progress = None
            self._rows.clear()
        return None if report == Report() else report

    def _take_lines(self) -> tuple[str, ...]:
        lines = tuple(self._lines.popleft() for _ in range(min(len(self._lines), MAX_LINES_AT_ONCE)))
        if self._lines:
            self.has_news.set()
        return lines

    def _may_add_line(self) -> bool:
        now = time.monotonic()
        self._allowance = min(MAX_LINES, self._allowance + LINES_PER_S * (now - self._allowed_at))
        self._allowed_at = now
        if self._allowance < 1:
            return False
        self._allowance -= 1
        return True

    def _note_dropped(self) -> None:
        if self._dropped:
            self._lines.append(f"… {self._dropped} lines left out: more than {LINES_PER_S:.0f} a second")
            self._dropped = 0
