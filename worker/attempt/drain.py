"""The drain signal: set once when the worker must end, checked by everything that can take long."""

import threading
import time

DRAIN_LIMIT_S = 20.0
"""Graceful draining lasts at most this long. A worker exits within 30 s; the other 10 s are for a slow Redis."""


class DrainSignal:
    """Whether this worker must end, and since when."""

    def __init__(self, limit_s: float = DRAIN_LIMIT_S) -> None:
        self._limit_s = limit_s
        self._requested = threading.Event()
        self._requested_at = 0.0

    def request(self) -> None:
        """Ask the worker to claim no more items and to requeue the running one."""
        if not self._requested.is_set():
            self._requested_at = time.monotonic()
            self._requested.set()

    @property
    def is_requested(self) -> bool:
        """Whether the worker must end."""
        return self._requested.is_set()

    @property
    def is_overdue(self) -> bool:
        """Whether draining has lasted longer than its limit, so that the trainer must be killed."""
        return self.is_requested and time.monotonic() - self._requested_at > self._limit_s
