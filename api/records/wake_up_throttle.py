"""Spaces out the wake-ups that requests send to the workers of a lane, so that a burst of requests stays fast."""

import asyncio
from collections.abc import Callable

from worker.queue.kinds import Lane

PAUSE_S = 0.25
"""Least time between two wake-ups: sending one takes this process about 5 ms, several times as long as a submission."""
_MAX_PENDING = 16
"""Most pending wake-ups. A woken worker claims job after job, so more wake-ups than idle workers have no effect."""


class WakeUpThrottle:
    """Sends a wake-up at once if none was sent within `PAUSE_S`, else after that time.

    Requests beyond `_MAX_PENDING` are dropped; a reaper sends a wake-up while jobs wait.
    """

    def __init__(self, send: Callable[[Lane], None]) -> None:
        self._send = send
        self._pending = dict.fromkeys(Lane, 0)
        self._pauses: dict[Lane, asyncio.TimerHandle] = {}

    def request(self, lane: Lane) -> None:
        """Request one more wake-up for a lane; call this on the event loop."""
        self._pending[lane] = min(self._pending[lane] + 1, _MAX_PENDING)
        if lane not in self._pauses:
            self._send_next(lane)

    def close(self) -> None:
        """Send one last wake-up to each lane for which any are pending."""
        for lane, pause in self._pauses.items():
            pause.cancel()
            if self._pending[lane]:
                self._send(lane)

    def _send_next(self, lane: Lane) -> None:
        self._pauses.pop(lane, None)
        if self._pending[lane]:
            self._pending[lane] -= 1
            self._send(lane)
            self._pauses[lane] = asyncio.get_running_loop().call_later(PAUSE_S, self._send_next, lane)
