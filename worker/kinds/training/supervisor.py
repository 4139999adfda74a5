"""Supervises one attempt at a job: starts the trainer, keeps the lease, sends reports, and records how it ended."""

import logging
from contextlib import ExitStack
from dataclasses import dataclass

from model.host.failpoints import Failpoint, reach
from model.storage.opening import open_storage
from worker.attempt.checkpoints import AttemptCheckpoints
from worker.attempt.lease import LeaseRenewer
from worker.attempt.outbox import Outbox
from worker.attempt.report_sender import ReportSender
from worker.errors import JobNotFoundError, StaleAttemptError, StoreUnavailableError
from worker.kinds.training.attempt_ending import AttemptEnding
from worker.kinds.training.exit_classification import AttemptEnd, TrainerExit, classify_exit
from worker.kinds.training.messages import Staged, Start
from worker.kinds.training.out_of_memory import kernel_kills
from worker.kinds.training.running_trainer import RunningTrainer
from worker.kinds.training.worker_context import WorkerContext
from worker.queue.attempt_messages import Claimed
from worker.queue.ids import new_model_id
from worker.queue.states import Outcome
from worker.queue.storage_keys import checkpoints_prefix

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class AttemptResult:
    """What the claim loop learns of an ended attempt."""

    outcome: Outcome
    has_trained: bool
    """Whether the trainer, or an earlier attempt, reached the training phase."""


class Supervisor:
    """Runs one attempt."""

    def __init__(
        self, context: WorkerContext, claimed: Claimed, attempt_id: str, *, claim_sent_at: float
    ) -> None:
        """`claim_sent_at` is the monotonic clock before the claim was sent: the first lease counts from there."""
        self._context = context
        self._store = context.store
        self._claimed = claimed
        self._job_id = claimed.job_id
        self._attempt_id = attempt_id
        self._model_id = new_model_id()
        self._has_trained = False
        self._outbox = Outbox()
        storage = open_storage(context.storage_url)
        self._checkpoints = AttemptCheckpoints(storage, claimed.job_id, claimed.checkpoint)
        self._ending = AttemptEnding(
            context,
            claimed,
            attempt_id,
            model_id=self._model_id,
            storage=storage,
            checkpoints=self._checkpoints,
        )
        self._lease = LeaseRenewer(
            context.store,
            claimed.job_id,
            attempt_id,
            claim_sent_at=claim_sent_at,
            lease_s=context.lease_s,
            renew_every_s=context.renew_every_s,
        )

    def run(self) -> AttemptResult:
        """Run the attempt to its end, also while Redis is unreachable for long."""
        try:
            outcome = self._train_or_complete()
        except (StaleAttemptError, JobNotFoundError):
            _log.warning("another attempt holds job %s: this one is dropped", self._job_id)
            outcome = Outcome.LEASE_LOST
        except StoreUnavailableError:
            _log.warning(
                "Redis is unreachable and this worker must end: a reaper will requeue job %s", self._job_id
            )
            outcome = Outcome.LEASE_LOST
        finally:
            self._lease.stop()
        return AttemptResult(outcome, self._has_trained)

    def _train_or_complete(self) -> Outcome:
        if self._claimed.committed:
            self._has_trained = True  # by an earlier attempt
            self._lease.start(lambda *_: None, lambda: None)
            return self._ending.complete_publish(self._claimed.committed)
        if self._context.drain.is_requested:
            return self._ending.requeue(AttemptEnd(Outcome.DRAINED))
        return self._train()

    def _train(self) -> Outcome:
        self._checkpoints.find_existing()
        trainer = RunningTrainer(
            self._context.standby.take(),
            self._outbox,
            self._context.drain,
            stall_timeout_s=self._context.stall_timeout_s,
        )
        with ExitStack() as cleanups:
            # Whatever fails here, the trainer must have left the device before the job returns to the queue.
            cleanups.callback(trainer.close)
            sender = self._make_report_sender(trainer)
            cleanups.callback(sender.abort)
            return self._train_with(trainer, sender)

    def _train_with(self, trainer: RunningTrainer, sender: ReportSender) -> Outcome:
        kills_before = kernel_kills()
        trainer_exit = self._run_trainer(trainer, sender)
        self._has_trained = trainer_exit.has_trained
        end = classify_exit(
            trainer_exit, self._outbox.last_lines, was_killed_for_memory=kernel_kills() > kills_before
        )
        self._finish_reports(sender, end)
        if isinstance(trainer_exit.final_message, Staged) and end.outcome is Outcome.SUCCEEDED:
            return self._ending.publish(trainer_exit.final_message)
        return self._ending.end_without_model(end)

    def _make_report_sender(self, trainer: RunningTrainer) -> ReportSender:
        return ReportSender(
            self._store,
            self._job_id,
            self._attempt_id,
            self._outbox,
            on_checkpoint=self._checkpoints.record_moved_to,
            on_lost=lambda: trainer.kill(Outcome.LEASE_LOST),
        )

    def _run_trainer(self, trainer: RunningTrainer, sender: ReportSender) -> TrainerExit:
        trainer.start(self._start_message())
        reach(Failpoint.CLAIM_TRAINER_STARTED)
        sender.start()
        self._lease.start(trainer.renew, lambda: trainer.kill(Outcome.LEASE_LOST))
        return trainer.wait()

    def _start_message(self) -> Start:
        claimed, context = self._claimed, self._context
        return Start(
            job_id=claimed.job_id,
            attempt_number=claimed.attempt_number,
            model_id=self._model_id,
            spec=claimed.spec,
            recipe=claimed.recipe,
            storage=context.storage_url,
            cache_dir=context.cache_dir,
            out_prefix=f"{checkpoints_prefix(claimed.job_id)}/{claimed.attempt_number}",
            resume_from=claimed.checkpoint.key if claimed.checkpoint else None,
            fall_back_to=self._checkpoints.fallbacks(),
            devices=context.devices[: claimed.spec.gpus],
            threads=context.threads,
            pauses=claimed.pauses,
            curves=context.tensorboard_dir and context.tensorboard_dir / claimed.job_id,
            batch_parts=2**claimed.memory_deaths,
            deadline=self._lease.deadline,
            should_stop=claimed.should_stop,
        )

    def _finish_reports(self, sender: ReportSender, end: AttemptEnd) -> None:
        """Send the remaining reports before the end of the attempt is recorded."""
        if end.outcome in (Outcome.LEASE_LOST, Outcome.CANCELLED):
            sender.abort()
            return
        if end.message:
            number = self._claimed.attempt_number
            _log.warning("job %s, attempt %s: %s", self._job_id, number, end.message)
            self._outbox.add_line(f"Attempt {number}: {end.message}")
        sender.finish(self._context.may_wait)
