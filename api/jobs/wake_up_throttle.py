"""Spaces out the rings of the workers' bell: a burst of submissions must not spend its time on ringing."""

import asyncio
from collections.abc import Callable

PAUSE_S = 0.25
"""A ring costs this process about 5 ms, several times what a submission does."""
_MOST_OWED = 16
"""A worker that woke takes job after job, so more rings than idle workers tell nobody anything new."""


class Ringer:
    """Rings at once when it was quiet, else later; what it leaves out a reaper rings again."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._owed = 0
        self._pause: asyncio.TimerHandle | None = None

    def ring_soon(self) -> None:
        """Owe one ring more; call it on the event loop."""
        self._owed = min(self._owed + 1, _MOST_OWED)
        if self._pause is None:
            self._pay()

    def stop(self) -> None:
        """Pay what is owed with one last ring."""
        if self._pause is not None:
            self._pause.cancel()
        if self._owed:
            self._ring()

    def _pay(self) -> None:
        self._pause = None
        if self._owed:
            self._owed -= 1
            self._ring()
            self._pause = asyncio.get_running_loop().call_later(PAUSE_S, self._pay)
