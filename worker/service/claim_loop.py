"""The Celery task behind the bell: claim a job, run it, and so on until none is left."""

import logging
import time
from collections.abc import Callable
from contextlib import suppress

from celery import Celery

from model.host.failpoints import Failpoint, reach
from worker.errors import StoreUnavailableError, WorkerError
from worker.kinds.training.supervisor import Ended, Supervisor, WorkerContext
from worker.queue.attempt_messages import Claimed
from worker.queue.ids import new_attempt_id
from worker.queue.live_workers import WorkerState
from worker.queue.states import DEATHS, Outcome
from worker.queue.wake_ups import TASK_NAME
from worker.redis_server.retry import retry_while_unavailable
from worker.service.heartbeat import HeartbeatSender

EARLY_DEATHS_ALLOWED = 3
"""So many trainers in a row that died before they trained: it is this worker, not the jobs."""

_log = logging.getLogger(__name__)


class ClaimLoop:
    """A worker's duty: one job after the other, one at a time."""

    def __init__(
        self, bench: WorkerContext, announcer: HeartbeatSender, on_out_of_order: Callable[[], None]
    ) -> None:
        self._bench = bench
        self._announcer = announcer
        self._on_out_of_order = on_out_of_order
        self._early_deaths = 0

    @property
    def is_out_of_order(self) -> bool:
        """Whether this worker had better claim nothing more."""
        return self._early_deaths >= EARLY_DEATHS_ALLOWED

    def drain_queue(self) -> None:
        """Run every job that can be claimed; one bell may serve many."""
        while not self._bench.draining.is_asked and not self.is_out_of_order:
            if not self._run_next():
                self.become_idle()
                return

    def become_idle(self) -> None:
        """Say so, and warm up a trainer for the next job."""
        self._announcer.become(WorkerState.IDLE)
        if not self._bench.draining.is_asked:
            self._bench.spare.prepare()

    def _run_next(self) -> bool:
        reach(Failpoint.CLAIM_BEGUN)
        attempt_id, asked_at = new_attempt_id(), time.monotonic()
        try:
            claimed = retry_while_unavailable(
                lambda: self._claim(attempt_id), lambda: not self._bench.draining.is_asked
            )
        except StoreUnavailableError:
            return False
        if claimed is None:
            return False
        reach(Failpoint.CLAIM_RECORDED)
        self._announcer.become(WorkerState.BUSY, claimed.job_id)
        self._count(self._attempt(claimed, attempt_id, asked_at))
        return True

    def _attempt(self, claimed: Claimed, attempt_id: str, asked_at: float) -> Ended:
        try:
            return Supervisor(self._bench, claimed, attempt_id, asked_at=asked_at).run()
        except Exception as error:  # noqa: BLE001  # whatever is wrong here, the job must go on elsewhere
            _log.exception("the attempt at job %s failed in its worker", claimed.job_id)
            with suppress(WorkerError):  # a reaper will find it
                self._bench.store.requeue(
                    claimed.job_id, attempt_id, Outcome.CRASHED, f"Its worker could not run it: {error}"
                )
            return Ended(Outcome.CRASHED, has_trained=False)

    def _claim(self, attempt_id: str) -> Claimed | None:
        return self._bench.store.claim(self._announcer.worker_id, attempt_id, len(self._bench.devices))

    def _count(self, ended: Ended) -> None:
        is_early_death = ended.outcome in DEATHS and not ended.has_trained
        self._early_deaths = self._early_deaths + 1 if is_early_death else 0
        if self.is_out_of_order:
            _log.error(
                "%s trainers in a row died before they trained: this worker claims no more",
                EARLY_DEATHS_ALLOWED,
            )
            self._announcer.become(WorkerState.OUT_OF_ORDER)
            self._on_out_of_order()


def answer_bell(app: Celery, drain_queue: Callable[[], None]) -> None:
    """Have the app run this when the bell rings."""

    def answer() -> None:
        drain_queue()

    app.task(name=TASK_NAME, ignore_result=True)(answer)
