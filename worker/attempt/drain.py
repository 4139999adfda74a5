"""The wish to end: set once by a signal, looked at by everything that could take long."""

import threading
import time

DRAIN_LIMIT_S = 20.0
"""Of the 30 s within which a worker exits; the rest is for a store that answers late."""


class DrainSignal:
    """Whether this worker is to end, and for how long that has been so."""

    def __init__(self, limit_s: float = DRAIN_LIMIT_S) -> None:
        self._limit_s = limit_s
        self._asked = threading.Event()
        self._asked_at = 0.0

    def begin(self) -> None:
        """Take no more jobs, and put the running one back."""
        if not self._asked.is_set():
            self._asked_at = time.monotonic()
            self._asked.set()

    @property
    def is_asked(self) -> bool:
        """Whether this worker is to end."""
        return self._asked.is_set()

    @property
    def is_overdue(self) -> bool:
        """Whether graceful has lasted long enough."""
        return self.is_asked and time.monotonic() - self._asked_at > self._limit_s

    def wait(self, timeout_s: float) -> bool:
        """Sleep, but not longer than until this worker is to end."""
        return self._asked.wait(timeout_s)
