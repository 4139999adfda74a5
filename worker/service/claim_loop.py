"""Claims queued items and runs them, one at a time, until none is left."""

import logging
from collections.abc import Callable
from contextlib import suppress

from model.host import lease_clock
from model.host.failpoints import Failpoint, reach
from worker.attempt.context import WorkerContext
from worker.attempt.supervisor import AttemptResult
from worker.errors import ClaimUnreadableError, StoreUnavailableError, WorkerError
from worker.queue.attempt_messages import Claimed
from worker.queue.ids import new_attempt_id
from worker.queue.live_workers import WorkerState
from worker.queue.states import DEATHS, Outcome
from worker.redis_server.retry import retry_while_unavailable
from worker.service.abilities import Abilities
from worker.service.heartbeat import HeartbeatSender

EARLY_DEATHS_ALLOWED = 3
"""After children of this many different items in a row died before their work began, the worker is taken to be broken."""
MAX_UNREADABLE = 100
"""Items that this worker failed to read are remembered, so that it does not claim them again."""

_log = logging.getLogger(__name__)


class ClaimLoop:
    """Runs one item after the other."""

    def __init__(
        self,
        context: WorkerContext,
        abilities: Abilities,
        heartbeat: HeartbeatSender,
        on_out_of_order: Callable[[], None],
    ) -> None:
        """`on_out_of_order` is called once, when the worker stops claiming because it is broken."""
        self._context = context
        self._abilities = abilities
        self._heartbeat = heartbeat
        self._on_out_of_order = on_out_of_order
        self._unreadable: list[str] = []
        self._died_early: set[str] = set()
        """The items whose children died before their work began, since a child last did not."""

    @property
    def is_out_of_order(self) -> bool:
        """True once children of three items in a row died before their work began; the worker then claims no more.

        Deaths of one item count once: they show a broken item, not a broken worker.
        """
        return len(self._died_early) >= EARLY_DEATHS_ALLOWED

    def drain_queue(self) -> None:
        """Run every item that this worker can claim; one wake-up may start several."""
        while not self._context.drain.is_requested and not self.is_out_of_order:
            if not self._run_next():
                self.become_idle()
                return

    def become_idle(self) -> None:
        """Report the worker as idle, and prepare for the next item."""
        self._heartbeat.update(WorkerState.IDLE)
        if not self._context.drain.is_requested:
            self._abilities.prepare()

    def _run_next(self) -> bool:
        """Claim and run one item; False when there is none to claim."""
        reach(Failpoint.CLAIM_BEGUN)
        attempt_id, claim_sent_at = new_attempt_id(), lease_clock.now()
        try:
            claimed = retry_while_unavailable(
                lambda: self._claim(attempt_id), lambda: not self._context.drain.is_requested
            )
        except StoreUnavailableError:
            return False
        except ClaimUnreadableError as error:
            self._hand_back(error, attempt_id)
            return True
        if claimed is None:
            return False
        reach(Failpoint.CLAIM_RECORDED)
        self._heartbeat.update(WorkerState.BUSY, claimed.item_id)
        self._note_early_death(claimed.item_id, self._run_attempt(claimed, attempt_id, claim_sent_at))
        return True

    def _run_attempt(self, claimed: Claimed, attempt_id: str, claim_sent_at: float) -> AttemptResult:
        try:
            return self._abilities.run[claimed.kind](claimed, attempt_id, claim_sent_at)
        except Exception as error:  # noqa: BLE001  # after any error another worker must get the item
            _log.exception("this worker could not run the attempt at %s", claimed.item_id)
            with suppress(WorkerError):  # a reaper then requeues the item
                self._context.store.requeue(
                    claimed.item_id, attempt_id, Outcome.CRASHED, f"Its worker could not run it: {error}"
                )
            return AttemptResult(Outcome.CRASHED, has_begun=False)

    def _claim(self, attempt_id: str) -> Claimed | None:
        abilities = self._abilities
        return self._context.store.claim(
            self._heartbeat.worker_id, attempt_id, abilities.devices, abilities.lanes, self._unreadable
        )

    def _hand_back(self, error: ClaimUnreadableError, attempt_id: str) -> None:
        """Return an item that another version of Ninefold wrote to the queue; this does not count as a death."""
        _log.error("%s; it is left to newer workers", error)
        self._unreadable = [*self._unreadable, error.item_id][-MAX_UNREADABLE:]
        with suppress(WorkerError):  # a reaper then requeues the item
            self._context.store.requeue(error.item_id, attempt_id, Outcome.DRAINED)

    def _note_early_death(self, item_id: str, result: AttemptResult) -> None:
        if result.outcome in DEATHS and not result.has_begun:
            self._died_early.add(item_id)
        else:
            self._died_early.clear()
        if self.is_out_of_order:
            _log.error(
                "the child processes of %s items in a row died before their work began: this worker claims no more",
                EARLY_DEATHS_ALLOWED,
            )
            self._heartbeat.update(WorkerState.OUT_OF_ORDER)
            self._on_out_of_order()
