"""Supervises one attempt of any kind: keeps the lease, runs the child process, sends reports, and classifies its exit."""

import logging
from abc import ABC, abstractmethod
from contextlib import ExitStack
from dataclasses import dataclass

from model.host.failpoints import Failpoint, reach
from worker.attempt.context import WorkerContext
from worker.attempt.exit_classification import AttemptEnd, classify_exit
from worker.attempt.lease import LeaseRenewer
from worker.attempt.messages import FinalMessage
from worker.attempt.out_of_memory import kernel_kills
from worker.attempt.outbox import Outbox
from worker.attempt.report_sender import ReportSender
from worker.attempt.running_child import RunningChild
from worker.errors import JobNotFoundError, StaleAttemptError, StoreUnavailableError
from worker.queue.attempt_messages import Claimed, Flags, Report
from worker.queue.states import Outcome

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class AttemptResult:
    """What the claim loop learns of an ended attempt."""

    outcome: Outcome
    has_begun: bool
    """Whether the real work began: a worker whose children always die before that is taken to be broken."""


class Supervisor(ABC):
    """Runs one attempt; a kind of work says what its child does and how its result is recorded."""

    def __init__(
        self,
        context: WorkerContext,
        claimed: Claimed,
        attempt_id: str,
        outbox: Outbox,
        *,
        claim_sent_at: float,
    ) -> None:
        """`claim_sent_at` is the lease clock before the claim was sent: the first lease counts from there."""
        self._context = context
        self._store = context.store
        self._item = claimed
        self._attempt_id = attempt_id
        self._outbox = outbox
        self._child: RunningChild | None = None
        self._is_lost = False
        self._has_begun = False
        self._lease = LeaseRenewer(
            context.store,
            claimed.item_id,
            attempt_id,
            claim_sent_at=claim_sent_at,
            lease_s=context.lease_s,
            renew_every_s=context.renew_every_s,
            on_renewed=self._renew_child,
            on_lost=self._lose_child,
        )

    def run(self) -> AttemptResult:
        """Run the attempt to its end, also while Redis is unreachable for long."""
        item_id = self._item.item_id
        try:
            self._lease.start()
            outcome = self._work()
        except (StaleAttemptError, JobNotFoundError):
            _log.warning("another attempt holds %s: this one is dropped", item_id)
            outcome = Outcome.LEASE_LOST
        except StoreUnavailableError:
            _log.warning("Redis is unreachable and this worker must end: a reaper will requeue %s", item_id)
            outcome = Outcome.LEASE_LOST
        finally:
            self._lease.stop()
        return AttemptResult(outcome, self._has_begun)

    @abstractmethod
    def _work(self) -> Outcome:
        """Do the work and record its end; return the recorded outcome."""

    def _on_sent(self, report: Report) -> None:  # noqa: B027  # not every kind acts on its reports
        """Act on a report that is recorded."""

    def _supervise(self, child: RunningChild) -> tuple[AttemptEnd, FinalMessage | None]:
        """Run a child to its exit and send its reports; return how the attempt ended, and the child's last message."""
        with ExitStack() as cleanups:
            # Whatever fails here, the child must have ended before the item returns to the queue.
            cleanups.callback(child.close)
            sender = ReportSender(
                self._store,
                self._item.item_id,
                self._attempt_id,
                self._outbox,
                on_renewed=self._lease.note_report,
                on_sent=self._on_sent,
                on_lost=self._lose_child,
            )
            cleanups.callback(sender.abort)
            kills_before = kernel_kills()
            child.start()
            reach(Failpoint.CLAIM_CHILD_STARTED)
            self._child = child
            if self._is_lost:
                child.kill(Outcome.LEASE_LOST)
            sender.start()
            child_exit = child.wait()
            end = classify_exit(
                child_exit, self._outbox.last_lines, was_killed_for_memory=kernel_kills() > kills_before
            )
            self._finish_reports(sender, end)
            return end, child_exit.final_message

    def _renew_child(self, deadline: float, flags: Flags) -> None:
        if self._child:
            self._child.renew(deadline, flags)

    def _lose_child(self) -> None:
        self._is_lost = True
        if self._child:
            self._child.kill(Outcome.LEASE_LOST)

    def _finish_reports(self, sender: ReportSender, end: AttemptEnd) -> None:
        """Send the remaining reports before the end of the attempt is recorded."""
        if end.outcome in (Outcome.LEASE_LOST, Outcome.CANCELLED):
            sender.abort()
            return
        if end.message:
            number = self._item.attempt_number
            _log.warning("%s, attempt %s: %s", self._item.item_id, number, end.message)
            self._outbox.add_line(f"Attempt {number}: {end.message}")
        sender.finish(self._context.may_wait)
