"""Runs one attempt at a job, from claim to end: every wish and every death becomes one change of the record."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from model.errors import StorageError
from model.host.failpoints import Failpoint, reach
from model.storage.opening import open_storage
from worker.attempt.checkpoints import AttemptCheckpoints
from worker.attempt.drain import DrainSignal
from worker.attempt.lease import LeaseKeeper
from worker.attempt.outbox import Outbox
from worker.attempt.report_sender import ReportSender
from worker.errors import JobCancelledError, JobNotFoundError, StaleAttemptError, StoreUnavailableError
from worker.kinds.training.messages import Staged, Start
from worker.kinds.training.out_of_memory import kernel_kills
from worker.kinds.training.outcome import Verdict, judge
from worker.kinds.training.publishing import complete_draft, complete_publish
from worker.kinds.training.running_trainer import RunningAttempt
from worker.kinds.training.warm_standby import WarmStandby
from worker.queue.attempt_messages import Claimed, Committed
from worker.queue.ids import new_model_id
from worker.queue.records import JobError
from worker.queue.states import Outcome
from worker.queue.storage_keys import checkpoints_prefix
from worker.queue.store import JobStore
from worker.redis_server.retry import retry_while_unavailable

if TYPE_CHECKING:
    from model.storage.interface import Storage

_log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True)
class WorkerContext:
    """What all attempts of a worker have in common."""

    store: JobStore
    storage_url: str
    cache_dir: Path
    spare: WarmStandby
    draining: DrainSignal
    devices: tuple[str, ...]
    threads: int
    lease_s: float
    renew_every_s: float
    stall_timeout_s: float
    tensorboard_dir: Path | None = None


@dataclass(frozen=True)
class Ended:
    """How an attempt ended, for the worker."""

    outcome: Outcome
    has_trained: bool
    """Whether the trainer came as far as training."""


class Supervisor:
    """One attempt."""

    def __init__(self, bench: WorkerContext, claimed: Claimed, attempt_id: str, *, asked_at: float) -> None:
        """`asked_at`: the monotonic clock before the claim was sent; the lease counts from there."""
        self._bench = bench
        self._store = bench.store
        self._storage: Storage = open_storage(bench.storage_url)
        self._claimed = claimed
        self._job_id = claimed.job_id
        self._attempt_id = attempt_id
        self._model_id = new_model_id()
        self._has_trained = False
        self._shelf = AttemptCheckpoints(self._storage, claimed.job_id, claimed.checkpoint)
        self._lease = LeaseKeeper(
            bench.store,
            claimed.job_id,
            attempt_id,
            asked_at=asked_at,
            lease_s=bench.lease_s,
            renew_every_s=bench.renew_every_s,
        )

    def run(self) -> Ended:
        """Run the attempt to its end, also when the store is away for long."""
        try:
            outcome = self._train_or_complete()
        except (StaleAttemptError, JobNotFoundError):
            _log.warning("job %s is no longer ours: dropped", self._job_id)
            outcome = Outcome.LEASE_LOST
        except StoreUnavailableError:
            _log.warning("the store is away and this worker ends: a reaper will find job %s", self._job_id)
            outcome = Outcome.LEASE_LOST
        finally:
            self._lease.stop()
        return Ended(outcome, self._has_trained)

    def _train_or_complete(self) -> Outcome:
        if self._claimed.committed:
            self._has_trained = True  # by an earlier attempt
            self._lease.keep(lambda *_: None, lambda: None)
            return self._complete(self._claimed.committed)
        if self._bench.draining.is_asked:
            return self._requeue(Verdict(Outcome.DRAINED))
        return self._train()

    def _train(self) -> Outcome:
        self._shelf.look()
        outbox = Outbox()
        attempt = RunningAttempt(
            self._bench.spare.take(),
            outbox,
            self._bench.draining,
            stall_timeout_s=self._bench.stall_timeout_s,
        )

        def lose() -> None:
            attempt.kill(Outcome.LEASE_LOST)

        courier = ReportSender(
            self._store,
            self._job_id,
            self._attempt_id,
            outbox,
            on_checkpoint=self._shelf.move_to,
            on_lost=lose,
        )
        kills_before = kernel_kills()
        attempt.start(self._order())
        reach(Failpoint.CLAIM_TRAINER_STARTED)
        courier.start()
        self._lease.keep(attempt.renew, lose)
        end = attempt.watch()
        self._has_trained = end.has_trained
        verdict = judge(end, outbox.last_lines, was_killed_for_memory=kernel_kills() > kills_before)
        self._settle(courier, outbox, verdict)
        if isinstance(end.last_word, Staged) and verdict.outcome is Outcome.SUCCEEDED:
            return self._publish(end.last_word)
        return self._conclude(verdict)

    def _order(self) -> Start:
        claimed, bench = self._claimed, self._bench
        return Start(
            job_id=claimed.job_id,
            attempt_number=claimed.attempt_number,
            model_id=self._model_id,
            spec=claimed.spec,
            storage=bench.storage_url,
            cache_dir=bench.cache_dir,
            out_prefix=f"{checkpoints_prefix(claimed.job_id)}/{claimed.attempt_number}",
            resume_from=claimed.checkpoint.key if claimed.checkpoint else None,
            fall_back_to=self._shelf.earlier(),
            devices=bench.devices[: claimed.spec.gpus],
            threads=bench.threads,
            pauses=claimed.pauses,
            curves=bench.tensorboard_dir and bench.tensorboard_dir / claimed.job_id,
            batch_parts=2**claimed.memory_deaths,
            deadline=self._lease.deadline,
            should_stop=claimed.should_stop,
        )

    def _settle(self, courier: ReportSender, outbox: Outbox, verdict: Verdict) -> None:
        """Tell the rest, before the end is told."""
        if verdict.outcome in (Outcome.LEASE_LOST, Outcome.CANCELLED):
            courier.abandon()
            return
        if verdict.message:
            _log.warning(
                "job %s, attempt %s: %s", self._job_id, self._claimed.attempt_number, verdict.message
            )
            outbox.add_line(f"Attempt {self._claimed.attempt_number}: {verdict.message}")
        courier.settle(self._may_wait)

    def _publish(self, staged: Staged) -> Outcome:
        reach(Failpoint.PUBLISH_BEGUN)
        draft = complete_draft(staged.draft, self._claimed, self._model_id)
        try:
            committed = self._insist(
                lambda: self._store.commit_publish(self._job_id, self._attempt_id, draft)
            )
        except JobCancelledError:
            return self._conclude(Verdict(Outcome.CANCELLED))
        reach(Failpoint.PUBLISH_COMMITTED)
        return self._complete(committed)

    def _complete(self, committed: Committed) -> Outcome:
        try:
            complete_publish(
                self._store,
                self._storage,
                self._job_id,
                self._attempt_id,
                committed,
                may_wait=self._may_wait,
            )
        except StorageError as error:
            # Past the commit point a job cannot fail: whoever claims it next writes the manifest.
            return self._requeue(
                Verdict(Outcome.CRASHED, f"The model's manifest could not be written: {error}")
            )
        self._shelf.clear()
        return Outcome.SUCCEEDED

    def _conclude(self, verdict: Verdict) -> Outcome:
        """End an attempt that made no model."""
        self._discard_staged()
        match verdict.outcome:
            case Outcome.LEASE_LOST:
                return verdict.outcome
            case Outcome.FAILED | Outcome.CANCELLED:
                return self._finish(verdict)
            case _:
                return self._requeue(verdict)

    def _finish(self, verdict: Verdict) -> Outcome:
        error = JobError(code=verdict.code, message=verdict.message) if verdict.code else None
        self._insist(lambda: self._store.finish(self._job_id, self._attempt_id, verdict.outcome, error))
        return verdict.outcome

    def _requeue(self, verdict: Verdict) -> Outcome:
        self._insist(
            lambda: self._store.requeue(self._job_id, self._attempt_id, verdict.outcome, verdict.message)
        )
        return verdict.outcome

    def _discard_staged(self) -> None:
        """Delete what the trainer staged: never committed, so never to be a model."""
        try:
            self._storage.delete(f"models/{self._model_id}")
        except StorageError as error:
            _log.warning("%s", error)  # litter harms no one

    def _insist(self, ask: Callable[[], T]) -> T:
        return retry_while_unavailable(ask, self._may_wait)

    def _may_wait(self) -> bool:
        return not self._bench.draining.is_overdue
