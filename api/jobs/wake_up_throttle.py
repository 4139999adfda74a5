"""Spaces out the wake-ups that submissions send to workers, so that a burst of submissions stays fast."""

import asyncio
from collections.abc import Callable

PAUSE_S = 0.25
"""Sending a wake-up takes this process about 5 ms, several times as long as a submission."""
_MAX_PENDING = 16
"""A worker that was woken claims job after job, so more wake-ups than idle workers have no effect."""


class WakeUpThrottle:
    """Sends a wake-up at once after a pause without any, else later. A reaper replaces the wake-ups beyond the limit."""

    def __init__(self, send: Callable[[], None]) -> None:
        self._send = send
        self._pending = 0
        self._pause: asyncio.TimerHandle | None = None

    def request(self) -> None:
        """Request one more wake-up; call this on the event loop."""
        self._pending = min(self._pending + 1, _MAX_PENDING)
        if self._pause is None:
            self._send_next()

    def close(self) -> None:
        """Send one last wake-up if any are pending."""
        if self._pause is not None:
            self._pause.cancel()
        if self._pending:
            self._send()

    def _send_next(self) -> None:
        self._pause = None
        if self._pending:
            self._pending -= 1
            self._send()
            self._pause = asyncio.get_running_loop().call_later(PAUSE_S, self._send_next)
