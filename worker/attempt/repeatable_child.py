"""A child process with nothing to save: an interruption kills it, and another attempt begins from the start."""

import time

from worker.attempt.child_process import ChildProcess
from worker.attempt.drain import DrainSignal
from worker.attempt.messages import Line, PhaseBegun
from worker.attempt.outbox import Outbox
from worker.attempt.running_child import RunningChild
from worker.queue.states import Outcome


class RepeatableChild(RunningChild):
    """One child process that saves nothing and may take a limited time."""

    stall_timeout_s: float
    """How long it may send nothing, in seconds."""

    def __init__(
        self, process: ChildProcess, outbox: Outbox, drain: DrainSignal, *, timeout_s: float
    ) -> None:
        super().__init__(process, outbox, drain)
        self._ends_at = time.monotonic() + timeout_s
        self.is_too_slow = False
        """Whether the process was ended because it took longer than `timeout_s`."""
        self.has_begun = False
        """Whether the process began its first phase."""

    def _receive_own(self, message: Line) -> None:
        if isinstance(message, PhaseBegun):
            self.has_begun = True

    def _kill_if_stalled(self) -> None:
        if time.monotonic() > self._ends_at and self._final_message is None:
            self.is_too_slow = True
            self._process.kill()
        super()._kill_if_stalled()

    def _allowed_silence_s(self) -> float:
        return self.stall_timeout_s

    def _interrupt(self, reason: Outcome) -> None:
        self.kill(reason)
