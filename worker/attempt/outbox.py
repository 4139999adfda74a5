"""Collects what an attempt has to report, in bounded memory however long Redis is unreachable. Knows no process."""

import threading
import time
from collections import deque

from pydantic import BaseModel

from worker.queue.attempt_messages import Report
from worker.queue.states import Phase

MAX_LINES = 2000
"""The number of log lines that a record keeps."""
MAX_LINES_PER_REPORT = 500
LINES_PER_S = 100.0
LAST_LINES = 50


class Outbox:
    """Unsent changes of any kind of work: only the latest phase and progress, and a limited number of log lines."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.has_changes = threading.Event()
        self._phase: Phase | None = None
        self._progress: BaseModel | None = None
        self._lines: deque[str] = deque(maxlen=MAX_LINES)
        self._last_lines: deque[str] = deque(maxlen=LAST_LINES)
        self._dropped = 0
        self._allowance = float(MAX_LINES)
        self._allowance_updated_at = time.monotonic()

    def add_phase(self, phase: Phase) -> None:
        """Add the phase that the child entered."""
        with self._lock:
            self._phase = phase
        self.has_changes.set()

    def add_progress(self, progress: BaseModel) -> None:
        """Replace the progress that was not sent yet."""
        with self._lock:
            self._progress = progress
        self.has_changes.set()

    def add_line(self, line: str) -> None:
        """Add a log line of the child; lines beyond the rate limit are counted and dropped."""
        with self._lock:
            self._last_lines.append(line)
            if self._may_add_line():
                self._add_dropped_count()
                self._lines.append(line)
            else:
                self._dropped += 1
        self.has_changes.set()

    @property
    def last_lines(self) -> list[str]:
        """The last log lines, for the error message when the child dies."""
        with self._lock:
            return list(self._last_lines)

    def take(self) -> Report | None:
        """Remove the unsent changes and return them as one report; None when there are none."""
        with self._lock:
            self.has_changes.clear()
            report = self._take_report()
            self._phase = self._progress = None
        return report if report.has_content else None

    def _take_report(self) -> Report:
        """Make a report of the unsent changes; a kind adds its own. The caller holds the lock."""
        return Report(phase=self._phase, progress=self._progress, log_lines=self._take_lines())

    def _take_lines(self) -> tuple[str, ...]:
        lines = tuple(self._lines.popleft() for _ in range(min(len(self._lines), MAX_LINES_PER_REPORT)))
        if self._lines:
            self.has_changes.set()
        return lines

    def _may_add_line(self) -> bool:
        """Token bucket: LINES_PER_S on average, bursts of up to MAX_LINES."""
        now = time.monotonic()
        self._allowance = min(MAX_LINES, self._allowance + LINES_PER_S * (now - self._allowance_updated_at))
        self._allowance_updated_at = now
        if self._allowance < 1:
            return False
        self._allowance -= 1
        return True

    def _add_dropped_count(self) -> None:
        if self._dropped:
            self._lines.append(f"… {self._dropped} lines left out: more than {LINES_PER_S:.0f} a second")
            self._dropped = 0
