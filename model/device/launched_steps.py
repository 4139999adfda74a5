"""Limits how many training steps the host launches before the device has computed them."""

from collections import deque
from collections.abc import Callable

_MOST = 4
"""Enough that the device never waits for the host, and so few that the host's clock measures the device's speed."""


class LaunchedSteps:
    """The steps that were launched and may not be computed yet.

    A GPU computes in the background. Without a limit the host would launch hundreds of steps in advance: it would measure
    the duration of launches, and exceed a time budget by the duration of all steps that wait.
    """

    def __init__(self, mark: Callable[[], Callable[[], object] | None]) -> None:
        """`mark` marks the work launched so far and returns a function that waits for it; see `Device.mark`."""
        self._mark = mark
        self._waits: deque[Callable[[], object]] = deque()

    @property
    def count(self) -> int:
        """The largest number of steps that may not be computed yet."""
        return len(self._waits)

    def add(self) -> None:
        """Count a step that has just been launched; wait while more than four are not computed."""
        wait = self._mark()
        if wait is None:
            return
        self._waits.append(wait)
        if len(self._waits) > _MOST:
            self._waits.popleft()()

    def clear(self) -> None:
        """Forget all steps: the host has waited for the device."""
        self._waits.clear()
