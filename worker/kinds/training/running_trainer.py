"""A trainer that works on a job: what its messages mean, and how it is interrupted."""

import time

from model.host import lease_clock
from worker.attempt.child_process import ChildProcess
from worker.attempt.drain import DrainSignal
from worker.attempt.messages import Line, PhaseBegun
from worker.attempt.running_child import RunningChild
from worker.kinds.training.messages import (
    CheckpointPut,
    Drain,
    EpochEnded,
    Progressed,
    Renewed,
    Rewound,
    Start,
    Stop,
)
from worker.kinds.training.outbox import TrainingOutbox
from worker.queue.attempt_messages import Flags
from worker.queue.states import Outcome, Phase

STALL_FACTOR_OUTSIDE_TRAINING = 10
"""The stall timeout is this many times longer before and after training: preparing data may download it."""


class RunningTrainer(RunningChild):
    """One trainer process while it trains one job."""

    work = "trainer"

    def __init__(
        self,
        trainer: ChildProcess,
        outbox: TrainingOutbox,
        drain: DrainSignal,
        start: Start,
        *,
        stall_timeout_s: float,
    ) -> None:
        super().__init__(trainer, outbox, drain)
        self._training_outbox = outbox
        self._start = start
        self._stall_timeout_s = stall_timeout_s
        self._deadline = start.deadline
        self.has_trained = False
        """Whether the trainer reached the training phase."""

    def start(self) -> None:
        """Send the trainer its job, and listen to it."""
        super().start()
        self._process.send(self._start)

    def renew(self, deadline: float, flags: Flags) -> None:
        """Pass the new end of the lease to the trainer, and act on the flags of the job."""
        self._deadline = deadline
        self._process.send(Renewed(deadline=deadline))
        super().renew(deadline, flags)
        if flags.stop:
            self._process.send(Stop())

    def _receive_own(self, message: Line) -> None:
        match message:
            case PhaseBegun(phase=phase):
                self.has_trained |= phase is Phase.TRAINING
            case Rewound(epoch=epoch):
                self._training_outbox.add_rewind(epoch)
            case Progressed(progress=progress):
                self._outbox.add_progress(progress)
            case EpochEnded(row=row, best=best):
                self._training_outbox.add_row(row, best)
            case CheckpointPut(checkpoint=checkpoint):
                self._training_outbox.add_checkpoint(checkpoint)

    def _kill_if_stalled(self) -> None:
        now = time.monotonic()
        if lease_clock.now() > self._deadline:
            self._last_message_at = now  # the trainer waits for a renewal, as it must
        super()._kill_if_stalled()

    def _allowed_silence_s(self) -> float:
        factor = 1 if self._phase is Phase.TRAINING else STALL_FACTOR_OUTSIDE_TRAINING
        return factor * self._stall_timeout_s

    def _interrupt(self, reason: Outcome) -> None:
        """Kill the trainer before it trains, when nothing is lost; later ask for a checkpoint.

        A trainer that evaluates or publishes already ignores the command and finishes.
        """
        if self._phase in (Phase.STARTING, Phase.PREPARING_DATA):
            self.kill(reason)
        else:
            self._process.send(Drain())
