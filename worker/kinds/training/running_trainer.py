"""A running attempt: one trainer, watched from start to exit. Says what happened, decides nothing of the job."""

import threading
import time
from dataclasses import dataclass

from worker.attempt.drain import DrainSignal
from worker.attempt.outbox import Outbox
from worker.kinds.training.messages import (
    CheckpointPut,
    Drain,
    Drained,
    EpochEnded,
    Failed,
    Message,
    PhaseBegun,
    Progressed,
    Ready,
    Renewed,
    Rewound,
    Staged,
    Start,
    Stop,
)
from worker.kinds.training.trainer_process import TrainerProcess
from worker.queue.attempt_messages import Flags
from worker.queue.states import Outcome, Phase

TICK_S = 0.1
EXIT_WITHIN_S = 5.0
PATIENCE_OUTSIDE_TRAINING = 10
"""Preparing data may be silent for this many times longer: it may download."""

LastWord = Drained | Staged | Failed


@dataclass(frozen=True)
class End:
    """How an attempt's trainer ended."""

    killed: Outcome | None
    """Why we killed it, if we did."""
    was_asked_to_pause: bool
    last_word: LastWord | None
    exit_code: int
    has_trained: bool


class RunningAttempt:
    """One trainer at work on one job."""

    def __init__(
        self, trainer: TrainerProcess, outbox: Outbox, draining: DrainSignal, *, stall_timeout_s: float
    ) -> None:
        self._trainer = trainer
        self._outbox = outbox
        self._draining = draining
        self._stall_timeout_s = stall_timeout_s
        self._lock = threading.Lock()
        self._killed: Outcome | None = None
        self._last_word: LastWord | None = None
        self._phase = Phase.STARTING
        self._has_trained = False
        self._has_ended = threading.Event()
        self._exit_code = 0
        self._deadline = 0.0
        self._heard_at = 0.0
        self._was_asked_to_pause = False
        self._was_told_to_drain = False

    def start(self, order: Start) -> None:
        """Give the trainer its job."""
        self._deadline = order.deadline
        self._heard_at = time.monotonic()
        self._trainer.listen(self._hear, self._outbox.add_line, self._note_exit)
        self._trainer.send(order)

    def renew(self, deadline: float, flags: Flags) -> None:
        """Let the trainer compute until then, and see to what the job's owner wants, each time anew."""
        self._deadline = deadline
        self._trainer.send(Renewed(deadline=deadline))
        if flags.cancel:
            self.kill(Outcome.CANCELLED)
        elif flags.pause:
            self._was_asked_to_pause = True
            self._hand_back(Outcome.PAUSED)
        elif flags.stop:
            self._trainer.send(Stop())

    def kill(self, why: Outcome) -> None:
        """Kill the trainer at once; the first reason counts, but a lost lease counts most."""
        with self._lock:
            if self._killed is None or why is Outcome.LEASE_LOST:
                self._killed = why
        self._trainer.kill()

    def watch(self) -> End:
        """Wait for the trainer's exit, seeing to it that there is one."""
        while not self._has_ended.wait(TICK_S):
            self._watch_silence()
            if self._draining.is_asked:
                self._drain()
        with self._lock:
            return End(
                self._killed, self._was_asked_to_pause, self._last_word, self._exit_code, self._has_trained
            )

    def _hear(self, message: Message) -> None:
        self._heard_at = time.monotonic()
        match message:
            case Ready():
                pass
            case PhaseBegun(phase=phase):
                self._phase = phase
                self._has_trained |= phase is Phase.TRAINING
                self._outbox.add_phase(phase)
            case Rewound(epoch=epoch):
                self._outbox.add_rewind(epoch)
            case Progressed(progress=progress):
                self._outbox.add_progress(progress)
            case EpochEnded(row=row, best=best):
                self._outbox.add_row(row, best)
            case CheckpointPut(checkpoint=checkpoint):
                self._outbox.add_checkpoint(checkpoint)
            case Drained() | Staged() | Failed():
                self._last_word = message

    def _note_exit(self, exit_code: int) -> None:
        self._exit_code = exit_code
        self._has_ended.set()

    def _watch_silence(self) -> None:
        now = time.monotonic()
        if now > self._deadline:
            self._heard_at = now  # it waits for a renewal, as it should
        silent_s = now - self._heard_at
        if self._last_word is not None:
            if silent_s > EXIT_WITHIN_S:
                self._trainer.kill()
        elif silent_s > self._allowed_silence_s():
            self.kill(Outcome.STALLED)

    def _allowed_silence_s(self) -> float:
        factor = 1 if self._phase is Phase.TRAINING else PATIENCE_OUTSIDE_TRAINING
        return factor * self._stall_timeout_s

    def _drain(self) -> None:
        if self._draining.is_overdue:
            self.kill(Outcome.DRAINED)
        elif not self._was_told_to_drain:
            self._was_told_to_drain = True
            self._hand_back(Outcome.DRAINED)

    def _hand_back(self, why: Outcome) -> None:
        """While it trains, ask for a checkpoint; before that nothing is lost; after it let it finish if it can."""
        if self._phase in (Phase.STARTING, Phase.PREPARING_DATA):
            self.kill(why)
        else:
            self._trainer.send(Drain())
