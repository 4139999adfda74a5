"""An import process that reads an upload: what its messages mean, and how it is interrupted."""

import time

from worker.attempt.child_process import ChildProcess
from worker.attempt.drain import DrainSignal
from worker.attempt.messages import Line, PhaseBegun
from worker.attempt.outbox import Outbox
from worker.attempt.running_child import RunningChild
from worker.kinds.dataset_import.messages import FilesRead
from worker.queue.states import Outcome

STALL_TIMEOUT_S = 300.0
"""Reading one file takes seconds at most; storing the images of a large zip may take minutes."""


class RunningImport(RunningChild):
    """One import process. It has nothing to save, so an interruption kills it, and another attempt begins from the start."""

    work = "import"

    def __init__(
        self, process: ChildProcess, outbox: Outbox, drain: DrainSignal, *, timeout_s: float
    ) -> None:
        super().__init__(process, outbox, drain)
        self._ends_at = time.monotonic() + timeout_s
        self.is_too_slow = False
        """Whether the import was ended because it took longer than allowed."""
        self.has_begun = False
        """Whether the process began to read the upload."""

    def _receive_own(self, message: Line) -> None:
        match message:
            case PhaseBegun():
                self.has_begun = True
            case FilesRead(progress=progress):
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
