"""Renews the lease of an attempt on its work item. Knows nothing of its process."""

import logging
import threading
from collections.abc import Callable

from model.host import lease_clock
from model.host.failpoints import Failpoint, reach
from worker.errors import JobNotFoundError, StaleAttemptError, StoreUnavailableError
from worker.queue.attempt_messages import Flags
from worker.queue.store import JobStore

_log = logging.getLogger(__name__)


AFTER_REPORT = 1.5
"""After a report the next renewal waits this many times as long: a report renews the lease too, and the next report
follows after about a second."""


class LeaseRenewer:
    """A thread that renews the lease until it is stopped or another attempt holds the item."""

    def __init__(
        self,
        store: JobStore,
        item_id: str,
        attempt_id: str,
        *,
        claim_sent_at: float,
        lease_s: float,
        renew_every_s: float,
        on_renewed: Callable[[float, Flags], None],
        on_lost: Callable[[], None],
    ) -> None:
        """The callbacks run in the thread of this renewer, and in any thread that calls `note_report`.

        Args:
            store: has the item.
            item_id: the item.
            attempt_id: the attempt that holds the item.
            claim_sent_at: the lease clock before the claim was sent: the first lease counts from there.
            lease_s: duration of a lease.
            renew_every_s: time between two renewals.
            on_renewed: receives the new deadline (lease clock) and the flags of the item.
            on_lost: called when the attempt no longer holds the item.
        """
        self._store = store
        self._item_id = item_id
        self._attempt_id = attempt_id
        self._lease_s = lease_s
        self._renew_every_s = renew_every_s
        self._on_renewed = on_renewed
        self._on_lost = on_lost
        self._is_stopped = threading.Event()
        self._lock = threading.Lock()
        self._due_at = lease_clock.now() + renew_every_s
        self.deadline = claim_sent_at + lease_s

    def start(self) -> None:
        """Start the renewing thread."""
        threading.Thread(target=self._run, name="lease", daemon=True).start()

    def stop(self) -> None:
        """Stop renewing."""
        self._is_stopped.set()

    def note_report(self, sent_at: float, flags: Flags) -> None:
        """Note that a report renewed the lease; `sent_at` is the lease clock before the report was sent."""
        self._note_renewal(sent_at, flags, AFTER_REPORT * self._renew_every_s)

    def _run(self) -> None:
        while not self._is_stopped.wait(self._due_at - lease_clock.now()):
            # The time is read before the renewal is sent, because a reaper counts from the arrival of the renewal.
            sent_at = lease_clock.now()
            if sent_at < self._due_at:  # a report has renewed the lease meanwhile
                continue
            try:
                flags = self._renew()
            except StoreUnavailableError:
                self._due_at = lease_clock.now() + self._renew_every_s
            except (StaleAttemptError, JobNotFoundError):
                self._report_loss()
                return
            except Exception:  # noqa: BLE001  # without this thread a trainer would wait for a renewal for ever
                _log.exception("renewing the lease of %s failed", self._item_id)
                self._report_loss()
                return
            else:
                self._note_renewal(sent_at, flags, self._renew_every_s)

    def _note_renewal(self, sent_at: float, flags: Flags, next_after_s: float) -> None:
        with self._lock:  # a report and a renewal may be answered in another order than they were sent
            self._due_at = lease_clock.now() + next_after_s
            self.deadline = max(self.deadline, sent_at + self._lease_s)
            self._on_renewed(self.deadline, flags)

    def _renew(self) -> Flags:
        reach(Failpoint.RENEW_DUE)
        flags = self._store.renew(self._item_id, self._attempt_id)
        reach(Failpoint.RENEW_RECORDED)
        return flags

    def _report_loss(self) -> None:
        if (
            not self._is_stopped.is_set()
        ):  # otherwise this worker itself ended the attempt, which made it stale
            self._on_lost()
