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
    ) -> None:
        """`claim_sent_at` is the lease clock before the claim was sent: the first lease counts from there."""
        self._store = store
        self._item_id = item_id
        self._attempt_id = attempt_id
        self._lease_s = lease_s
        self._renew_every_s = renew_every_s
        self._is_stopped = threading.Event()
        self.deadline = claim_sent_at + lease_s

    def start(
        self,
        on_renewed: Callable[[float, Flags], None],
        on_lost: Callable[[], None],
    ) -> None:
        """Start the renewing thread.

        `on_renewed` receives the new deadline (lease clock) and the flags of the item; `on_lost` is called when
        the attempt no longer holds the item.
        """
        threading.Thread(target=self._run, args=(on_renewed, on_lost), name="lease", daemon=True).start()

    def stop(self) -> None:
        """Stop renewing."""
        self._is_stopped.set()

    def _run(self, on_renewed: Callable[[float, Flags], None], on_lost: Callable[[], None]) -> None:
        while not self._is_stopped.wait(self._renew_every_s):
            # The time is read before the renewal is sent, because a reaper counts from the arrival of the renewal.
            sent_at = lease_clock.now()
            try:
                flags = self._renew()
            except StoreUnavailableError:
                continue
            except (StaleAttemptError, JobNotFoundError):
                self._report_loss(on_lost)
                return
            except Exception:  # noqa: BLE001  # without this thread a trainer would wait for a renewal for ever
                _log.exception("renewing the lease of %s failed", self._item_id)
                self._report_loss(on_lost)
                return
            self.deadline = sent_at + self._lease_s
            on_renewed(self.deadline, flags)

    def _renew(self) -> Flags:
        reach(Failpoint.RENEW_DUE)
        flags = self._store.renew(self._item_id, self._attempt_id)
        reach(Failpoint.RENEW_RECORDED)
        return flags

    def _report_loss(self, on_lost: Callable[[], None]) -> None:
        if (
            not self._is_stopped.is_set()
        ):  # otherwise this worker itself ended the attempt, which made it stale
            on_lost()
