"""Spaces out the wake-ups that submissions, stops and resumes send to workers, so that a burst of them stays fast."""

import asyncio
from collections.abc import Callable

PAUSE_S = 0.25
"""Least time between two wake-ups: sending one takes this process about 5 ms, several times as long as a submission."""
_MAX_PENDING = 16
"""Most pending wake-ups. A woken worker claims job after job, so more wake-ups than idle workers have no effect."""


class WakeUpThrottle:
    """Sends a wake-up at once if none was sent within `PAUSE_S`, else after that time.

    Requests beyond `_MAX_PENDING` are dropped; a reaper sends a wake-up while jobs wait.
    """

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
