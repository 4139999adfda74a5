"""Carries an attempt's news to the store, in order and each once, for as long as it takes."""

import logging
import threading
import time
from collections.abc import Callable

from model.host.failpoints import Failpoint, reach
from worker.attempt.outbox import Outbox
from worker.errors import JobNotFoundError, StaleAttemptError, StoreUnavailableError
from worker.queue.attempt_messages import Report
from worker.queue.records import Checkpoint
from worker.queue.store import JobStore

RETRY_AFTER_S = 0.25
PAUSE_S = 0.1
"""Between two reports, so that a flood of news becomes few of them."""

_log = logging.getLogger(__name__)


class ReportSender:
    """A thread between the outbox, which never blocks, and the store, which may be away."""

    def __init__(
        self,
        store: JobStore,
        job_id: str,
        attempt_id: str,
        outbox: Outbox,
        *,
        on_checkpoint: Callable[[Checkpoint], None],
        on_lost: Callable[[], None],
    ) -> None:
        self._store = store
        self._job_id = job_id
        self._attempt_id = attempt_id
        self._outbox = outbox
        self._on_checkpoint = on_checkpoint
        self._on_lost = on_lost
        self._is_closing = threading.Event()
        self._is_abandoned = threading.Event()
        self._thread = threading.Thread(target=self._carry, name="courier", daemon=True)

    def start(self) -> None:
        """Carry from now on."""
        self._thread.start()

    def settle(self, may_wait: Callable[[], bool]) -> None:
        """Deliver what is left, then stop; give up once `may_wait` says no."""
        self._is_closing.set()
        self._outbox.has_news.set()
        while self._thread.is_alive() and may_wait():
            self._thread.join(PAUSE_S)
        self.abandon()

    def abandon(self) -> None:
        """Stop now: what is left shall not be told."""
        self._is_abandoned.set()
        self._outbox.has_news.set()

    def _carry(self) -> None:
        try:
            self._carry_all()
        except (StaleAttemptError, JobNotFoundError):
            self._on_lost()
        except Exception:  # noqa: BLE001  # the attempt cannot go on if nobody hears of it
            _log.exception("reporting on %s failed", self._job_id)
            self._on_lost()

    def _carry_all(self) -> None:
        seq = 0
        while not self._is_abandoned.is_set():
            if not self._is_closing.is_set():
                self._outbox.has_news.wait()
            report = self._outbox.take()
            if report is not None:
                seq += 1
                self._deliver(seq, report)
                self._is_closing.wait(PAUSE_S)
            elif self._is_closing.is_set():
                return

    def _deliver(self, seq: int, report: Report) -> None:
        """Report until it is acknowledged; the same `seq` again does no harm."""
        while not self._is_abandoned.is_set():
            try:
                self._store.report(self._job_id, self._attempt_id, seq, report)
            except StoreUnavailableError:
                time.sleep(RETRY_AFTER_S)
            else:
                if report.checkpoint:
                    reach(Failpoint.CHECKPOINT_RECORDED)
                    self._on_checkpoint(report.checkpoint)
                return
