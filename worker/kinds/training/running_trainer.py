"""A trainer that works on a job, watched until it exits. Reports what happened; changes no job record."""

import threading
import time

from worker.attempt.drain import DrainSignal
from worker.attempt.outbox import Outbox
from worker.kinds.training.exit_classification import TrainerExit
from worker.kinds.training.messages import (
    CheckpointPut,
    Drain,
    DrainCompleted,
    EpochEnded,
    Failed,
    FinalMessage,
    PhaseBegun,
    Progressed,
    Ready,
    Renewed,
    Rewound,
    Staged,
    Start,
    Stop,
    TrainerMessage,
)
from worker.kinds.training.trainer_process import TrainerProcess
from worker.queue.attempt_messages import Flags
from worker.queue.states import Outcome, Phase

POLL_EVERY_S = 0.1
EXIT_WITHIN_S = 5.0
"""A trainer that has not exited this long after its final message is killed."""
STALL_FACTOR_OUTSIDE_TRAINING = 10
"""The stall timeout is this many times longer before and after training: preparing data may download it."""


class RunningTrainer:
    """One trainer process while it trains one job."""

    def __init__(
        self, trainer: TrainerProcess, outbox: Outbox, drain: DrainSignal, *, stall_timeout_s: float
    ) -> None:
        self._trainer = trainer
        self._outbox = outbox
        self._drain = drain
        self._stall_timeout_s = stall_timeout_s
        self._lock = threading.Lock()
        self._killed_for: Outcome | None = None
        self._final_message: FinalMessage | None = None
        self._phase = Phase.STARTING
        self._has_trained = False
        self._is_listening = False
        self._has_exited = threading.Event()
        self._exit_code = 0
        self._deadline = 0.0
        self._last_message_at = 0.0
        self._was_asked_to_pause = False
        self._was_asked_to_drain = False

    def start(self, start: Start) -> None:
        """Send the trainer its job."""
        self._deadline = start.deadline
        self._last_message_at = time.monotonic()
        self._trainer.listen(self._receive, self._outbox.add_line, self._note_exit)
        self._is_listening = True
        self._trainer.send(start)

    def renew(self, deadline: float, flags: Flags) -> None:
        """Pass the new end of the lease to the trainer, and act on the flags of the job.

        Flags are acted on at each renewal again: a command that was dropped is then repeated.
        """
        self._deadline = deadline
        self._trainer.send(Renewed(deadline=deadline))
        if flags.cancel:
            self.kill(Outcome.CANCELLED)
        elif flags.pause:
            self._was_asked_to_pause = True
            self._interrupt(Outcome.PAUSED)
        elif flags.stop:
            self._trainer.send(Stop())

    def kill(self, reason: Outcome) -> None:
        """Kill the trainer at once; of several reasons the first counts, except that a lost lease always counts."""
        with self._lock:
            if self._killed_for is None or reason is Outcome.LEASE_LOST:
                self._killed_for = reason
        self._trainer.kill()

    def close(self) -> None:
        """Kill the trainer unless it has exited, and wait until it has. Call it also when `start` failed."""
        if self._is_listening:
            self._trainer.kill()
            self._has_exited.wait(EXIT_WITHIN_S)
        else:
            self._trainer.close()

    def wait(self) -> TrainerExit:
        """Wait until the trainer exits; kills it when it stalls, and drains it when the worker must end."""
        while not self._has_exited.wait(POLL_EVERY_S):
            self._trainer.send_rest()
            self._kill_if_stalled()
            if self._drain.is_requested:
                self._drain_trainer()
        with self._lock:
            return TrainerExit(
                killed_for=self._killed_for,
                was_asked_to_pause=self._was_asked_to_pause,
                final_message=self._final_message,
                exit_code=self._exit_code,
                has_trained=self._has_trained,
            )

    def _receive(self, message: TrainerMessage) -> None:
        self._last_message_at = time.monotonic()
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
            case DrainCompleted() | Staged() | Failed():
                self._final_message = message

    def _note_exit(self, exit_code: int) -> None:
        self._exit_code = exit_code
        self._has_exited.set()

    def _kill_if_stalled(self) -> None:
        now = time.monotonic()
        if now > self._deadline:
            self._last_message_at = now  # the trainer waits for a renewal, as it must
        silent_s = now - self._last_message_at
        if self._final_message is not None:
            if silent_s > EXIT_WITHIN_S:
                self._trainer.kill()
        elif silent_s > self._allowed_silence_s():
            self.kill(Outcome.STALLED)

    def _allowed_silence_s(self) -> float:
        factor = 1 if self._phase is Phase.TRAINING else STALL_FACTOR_OUTSIDE_TRAINING
        return factor * self._stall_timeout_s

    def _drain_trainer(self) -> None:
        if self._drain.is_overdue:
            self.kill(Outcome.DRAINED)
        elif not self._was_asked_to_drain:
            self._was_asked_to_drain = True
            self._interrupt(Outcome.DRAINED)

    def _interrupt(self, reason: Outcome) -> None:
        """Kill the trainer before it trains, when nothing is lost; later ask for a checkpoint.

        A trainer that evaluates or publishes already ignores the command and finishes.
        """
        if self._phase in (Phase.STARTING, Phase.PREPARING_DATA):
            self.kill(reason)
        else:
            self._trainer.send(Drain())
