"""A child process that works on an item, watched until it exits. Reports what happened; changes no record."""

import threading
import time
from abc import ABC, abstractmethod

from worker.attempt.child_process import ChildProcess
from worker.attempt.drain import DrainSignal
from worker.attempt.exit_classification import ChildExit
from worker.attempt.messages import Completed, DrainCompleted, Failed, FinalMessage, Line, PhaseBegun
from worker.attempt.outbox import Outbox
from worker.queue.attempt_messages import Flags
from worker.queue.states import Outcome, Phase

POLL_EVERY_S = 0.1
EXIT_WITHIN_S = 5.0
"""A child that has not exited this long after its final message is killed."""


class RunningChild(ABC):
    """One child process while it works on one item."""

    work: str
    """What the child does, for messages."""

    def __init__(self, process: ChildProcess, outbox: Outbox, drain: DrainSignal) -> None:
        self._process = process
        self._outbox = outbox
        self._drain = drain
        self._lock = threading.Lock()
        self._killed_for: Outcome | None = None
        self._final_message: FinalMessage | None = None
        self._phase = Phase.STARTING
        self._is_listening = False
        self._has_exited = threading.Event()
        self._exit_code = 0
        self._last_message_at = 0.0
        self._was_asked_to_pause = False
        self._was_asked_to_drain = False

    def start(self) -> None:
        """Listen to the child."""
        self._last_message_at = time.monotonic()
        self._process.listen(self._receive, self._outbox.add_line, self._note_exit)
        self._is_listening = True

    def renew(self, deadline: float, flags: Flags) -> None:  # noqa: ARG002  # a kind may pass the deadline on
        """Act on the flags of the item; `deadline` is the new end of the lease on the lease clock.

        Flags are acted on at each renewal again: a command that was dropped is then repeated.
        """
        if flags.cancel:
            self.kill(Outcome.CANCELLED)
        elif flags.pause:
            self._was_asked_to_pause = True
            self._interrupt(Outcome.PAUSED)

    def kill(self, reason: Outcome) -> None:
        """Kill the child at once; of several reasons the first counts, except that a lost lease always counts."""
        with self._lock:
            if self._killed_for is None or reason is Outcome.LEASE_LOST:
                self._killed_for = reason
        self._process.kill()

    def close(self) -> None:
        """Kill the child unless it has exited, and wait until it has. Call it also when `start` failed."""
        if self._is_listening:
            self._process.kill()
            self._has_exited.wait(EXIT_WITHIN_S)
        else:
            self._process.close()

    def wait(self) -> ChildExit:
        """Wait until the child exits; kills it when it stalls, and drains it when the worker must end."""
        while not self._has_exited.wait(POLL_EVERY_S):
            self._process.send_rest()
            self._kill_if_stalled()
            if self._drain.is_requested:
                self._drain_child()
        with self._lock:
            return ChildExit(
                killed_for=self._killed_for,
                was_asked_to_pause=self._was_asked_to_pause,
                final_message=self._final_message,
                exit_code=self._exit_code,
                work=self.work,
            )

    def _receive(self, message: Line) -> None:
        self._last_message_at = time.monotonic()
        match message:
            case PhaseBegun(phase=phase):
                self._phase = phase
                self._outbox.add_phase(phase)
            case Completed() | DrainCompleted() | Failed():
                self._final_message = message
        self._receive_own(message)

    @abstractmethod
    def _receive_own(self, message: Line) -> None:
        """Act on a message of this kind of work, or on a common message that means something more for this kind."""

    @abstractmethod
    def _allowed_silence_s(self) -> float:
        """Return how long the child may send nothing before it counts as stalled."""

    @abstractmethod
    def _interrupt(self, reason: Outcome) -> None:
        """End the child early, so that another attempt can continue: after a checkpoint where there is one."""

    def _note_exit(self, exit_code: int) -> None:
        self._exit_code = exit_code
        self._has_exited.set()

    def _kill_if_stalled(self) -> None:
        silent_s = time.monotonic() - self._last_message_at
        if self._final_message is not None:
            if silent_s > EXIT_WITHIN_S:
                self._process.kill()
        elif silent_s > self._allowed_silence_s():
            self.kill(Outcome.STALLED)

    def _drain_child(self) -> None:
        if self._drain.is_overdue:
            self.kill(Outcome.DRAINED)
        elif not self._was_asked_to_drain:
            self._was_asked_to_drain = True
            self._interrupt(Outcome.DRAINED)
