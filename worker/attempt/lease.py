"""Keeps an attempt's hold on its job: renews, passes the deadline on, hears what is wanted. Knows no process."""

import logging
import threading
import time
from collections.abc import Callable

from model.host.failpoints import Failpoint, reach
from worker.errors import JobNotFoundError, StaleAttemptError, StoreUnavailableError
from worker.queue.attempt_messages import Flags
from worker.queue.store import JobStore

_log = logging.getLogger(__name__)


class LeaseKeeper:
    """A thread that renews until it is told to stop or hears that the job is someone else's."""

    def __init__(
        self,
        store: JobStore,
        job_id: str,
        attempt_id: str,
        *,
        asked_at: float,
        lease_s: float,
        renew_every_s: float,
    ) -> None:
        self._store = store
        self._job_id = job_id
        self._attempt_id = attempt_id
        self._lease_s = lease_s
        self._renew_every_s = renew_every_s
        self._is_over = threading.Event()
        self.deadline = asked_at + lease_s

    def keep(
        self,
        on_renewed: Callable[[float, Flags], None],
        on_lost: Callable[[], None],
    ) -> None:
        """Renew from a thread of its own, from now on; each renewal tells the new deadline and what is wanted."""
        threading.Thread(target=self._keep, args=(on_renewed, on_lost), name="lease", daemon=True).start()

    def stop(self) -> None:
        """Renew no more."""
        self._is_over.set()

    def _keep(self, on_renewed: Callable[[float, Flags], None], on_lost: Callable[[], None]) -> None:
        while not self._is_over.wait(self._renew_every_s):
            try:
                # Taken before it is sent: a reaper begins to count after the renewal arrived, so never earlier.
                asked_at = time.monotonic()
                reach(Failpoint.RENEW_DUE)
                flags = self._store.renew(self._job_id, self._attempt_id)
            except StoreUnavailableError:
                continue
            except (StaleAttemptError, JobNotFoundError):
                self._give_up(on_lost)
                return
            except Exception:  # noqa: BLE001  # without this thread the attempt would wait for ever
                _log.exception("renewing %s failed", self._job_id)
                self._give_up(on_lost)
                return
            reach(Failpoint.RENEW_RECORDED)
            self.deadline = asked_at + self._lease_s
            on_renewed(self.deadline, flags)

    def _give_up(self, on_lost: Callable[[], None]) -> None:
        if not self._is_over.is_set():  # else it was our own end of the attempt that made it stale
            on_lost()
