"""Sends the outbox of an attempt to Redis: in order, each report once, retrying for as long as Redis is unreachable."""

import logging
import threading
import time
from collections.abc import Callable

from model.host import lease_clock
from worker.attempt.outbox import Outbox
from worker.errors import JobNotFoundError, StaleAttemptError, StoreUnavailableError
from worker.queue.attempt_messages import Flags, Report
from worker.queue.store import JobStore

RETRY_AFTER_S = 0.25
PAUSE_S = 0.1
"""Between two reports, so that many changes in a short time are sent in few reports."""

_log = logging.getLogger(__name__)


class ReportSender:
    """A thread between the outbox, which never blocks, and Redis, which may be unreachable."""

    def __init__(
        self,
        store: JobStore,
        item_id: str,
        attempt_id: str,
        outbox: Outbox,
        *,
        on_renewed: Callable[[float, Flags], None],
        on_sent: Callable[[Report], None],
        on_lost: Callable[[], None],
    ) -> None:
        """The callbacks tell what became of the reports.

        `on_renewed`: called once a report is recorded, which renews the lease, with the lease clock before the report was
        sent and the flags of the item; then `on_sent`. `on_lost`: called when the item is no longer held.
        """
        self._store = store
        self._item_id = item_id
        self._attempt_id = attempt_id
        self._outbox = outbox
        self._on_renewed = on_renewed
        self._on_sent = on_sent
        self._on_lost = on_lost
        self._is_finishing = threading.Event()
        self._is_aborted = threading.Event()
        self._thread = threading.Thread(target=self._run, name="report-sender", daemon=True)

    def start(self) -> None:
        """Start the sending thread."""
        self._thread.start()

    def finish(self, may_wait: Callable[[], bool]) -> None:
        """Send the remaining changes, then stop; drop them once `may_wait` returns False."""
        self._is_finishing.set()
        self._outbox.has_changes.set()
        while self._thread.is_alive() and may_wait():
            self._thread.join(PAUSE_S)
        self.abort()

    def abort(self) -> None:
        """Stop now and drop the changes that were not sent."""
        self._is_aborted.set()
        self._outbox.has_changes.set()

    def _run(self) -> None:
        try:
            self._send_all()
        except (StaleAttemptError, JobNotFoundError):
            self._on_lost()
        except Exception:  # noqa: BLE001  # an attempt whose reports cannot be sent must end
            _log.exception("reporting on %s failed", self._item_id)
            self._on_lost()

    def _send_all(self) -> None:
        seq = 0
        while not self._is_aborted.is_set():
            if not self._is_finishing.is_set():
                self._outbox.has_changes.wait()
            report = self._outbox.take()
            if report is not None:
                seq += 1
                self._send(seq, report)
                self._is_finishing.wait(PAUSE_S)
            elif self._is_finishing.is_set():
                return

    def _send(self, seq: int, report: Report) -> None:
        """Send one report until Redis acknowledges it; Redis ignores a repeated `seq`."""
        while not self._is_aborted.is_set():
            sent_at = lease_clock.now()
            try:
                flags = self._store.report(self._item_id, self._attempt_id, seq, report)
            except StoreUnavailableError:
                time.sleep(RETRY_AFTER_S)
            else:
                self._on_renewed(sent_at, flags)
                self._on_sent(report)
                return
