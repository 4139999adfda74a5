"""A process that evaluates a model: what its messages mean, and how it is interrupted."""

import time

from worker.attempt.child_process import ChildProcess
from worker.attempt.drain import DrainSignal
from worker.attempt.messages import Line, PhaseBegun
from worker.attempt.outbox import Outbox
from worker.attempt.running_child import RunningChild
from worker.kinds.evaluation.messages import ImagesPredicted
from worker.queue.states import Outcome

STALL_TIMEOUT_S = 600.0
"""One message comes with each batch of images; before them the images are prepared, or a built-in dataset is downloaded."""


class RunningEvaluation(RunningChild):
    """One evaluating process. It has nothing to save, so an interruption kills it, and another attempt begins from the start."""

    work = "evaluation"

    def __init__(
        self, process: ChildProcess, outbox: Outbox, drain: DrainSignal, *, timeout_s: float
    ) -> None:
        super().__init__(process, outbox, drain)
        self._ends_at = time.monotonic() + timeout_s
        self.is_too_slow = False
        """Whether the evaluation was ended because it took longer than allowed."""
        self.has_begun = False
        """Whether the process began to read the model."""

    def _receive_own(self, message: Line) -> None:
        match message:
            case PhaseBegun():
                self.has_begun = True
            case ImagesPredicted(progress=progress):
                self._outbox.add_progress(progress)

    def _kill_if_stalled(self) -> None:
        if time.monotonic() > self._ends_at and self._final_message is None:
            self.is_too_slow = True
            self._process.kill()
        super()._kill_if_stalled()

    def _allowed_silence_s(self) -> float:
        return STALL_TIMEOUT_S

    def _interrupt(self, reason: Outcome) -> None:
        self.kill(reason)
