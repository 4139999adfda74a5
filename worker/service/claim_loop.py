"""Claims queued jobs and runs them, one at a time, until no job is left."""

import logging
import time
from collections.abc import Callable
from contextlib import suppress

from model.host.failpoints import Failpoint, reach
from worker.errors import StoreUnavailableError, WorkerError
from worker.kinds.training.supervisor import AttemptResult, Supervisor
from worker.kinds.training.worker_context import WorkerContext
from worker.queue.attempt_messages import Claimed
from worker.queue.ids import new_attempt_id
from worker.queue.live_workers import WorkerState
from worker.queue.states import DEATHS, Outcome
from worker.redis_server.retry import retry_while_unavailable
from worker.service.heartbeat import HeartbeatSender

EARLY_DEATHS_ALLOWED = 3
"""After trainers of this many different jobs in a row died before training, the worker itself is taken to be broken."""

_log = logging.getLogger(__name__)


class ClaimLoop:
    """Runs one job after the other."""

    def __init__(
        self, context: WorkerContext, heartbeat: HeartbeatSender, on_out_of_order: Callable[[], None]
    ) -> None:
        """`on_out_of_order` is called once, when the worker stops claiming because it is broken."""
        self._context = context
        self._heartbeat = heartbeat
        self._on_out_of_order = on_out_of_order
        self._died_early: set[str] = set()
        """The jobs whose trainers died before training, since a trainer last did not."""

    @property
    def is_out_of_order(self) -> bool:
        """True once trainers of three jobs in a row died before training began; the worker then stops claiming jobs.

        Deaths of one job count once: they show a broken job, not a broken worker.
        """
        return len(self._died_early) >= EARLY_DEATHS_ALLOWED

    def drain_queue(self) -> None:
        """Run every job that this worker can claim; one wake-up may start several jobs."""
        while not self._context.drain.is_requested and not self.is_out_of_order:
            if not self._run_next():
                self.become_idle()
                return

    def become_idle(self) -> None:
        """Report the worker as idle, and start a warm standby for the next job."""
        self._heartbeat.update(WorkerState.IDLE)
        if not self._context.drain.is_requested:
            self._context.standby.prepare()

    def _run_next(self) -> bool:
        """Claim and run one job; False when there is none to claim."""
        reach(Failpoint.CLAIM_BEGUN)
        attempt_id, claim_sent_at = new_attempt_id(), time.monotonic()
        try:
            claimed = retry_while_unavailable(
                lambda: self._claim(attempt_id), lambda: not self._context.drain.is_requested
            )
        except StoreUnavailableError:
            return False
        if claimed is None:
            return False
        reach(Failpoint.CLAIM_RECORDED)
        self._heartbeat.update(WorkerState.BUSY, claimed.job_id)
        self._note_early_death(claimed.job_id, self._run_attempt(claimed, attempt_id, claim_sent_at))
        return True

    def _run_attempt(self, claimed: Claimed, attempt_id: str, claim_sent_at: float) -> AttemptResult:
        try:
            return Supervisor(self._context, claimed, attempt_id, claim_sent_at=claim_sent_at).run()
        except Exception as error:  # noqa: BLE001  # after any error another worker must get the job
            _log.exception("this worker could not run the attempt at job %s", claimed.job_id)
            with suppress(WorkerError):  # a reaper then requeues the job
                self._context.store.requeue(
                    claimed.job_id, attempt_id, Outcome.CRASHED, f"Its worker could not run it: {error}"
                )
            return AttemptResult(Outcome.CRASHED, has_trained=False)

    def _claim(self, attempt_id: str) -> Claimed | None:
        return self._context.store.claim(self._heartbeat.worker_id, attempt_id, len(self._context.devices))

    def _note_early_death(self, job_id: str, result: AttemptResult) -> None:
        if result.outcome in DEATHS and not result.has_trained:
            self._died_early.add(job_id)
        else:
            self._died_early.clear()
        if self.is_out_of_order:
            _log.error(
                "the trainers of %s jobs in a row died before training: this worker claims no more jobs",
                EARLY_DEATHS_ALLOWED,
            )
            self._heartbeat.update(WorkerState.OUT_OF_ORDER)
            self._on_out_of_order()
