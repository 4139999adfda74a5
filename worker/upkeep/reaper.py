"""Takes jobs from workers that died and rings the bell for jobs that nobody heard of. Judges by its own clock."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from model.host.failpoints import Failpoint, reach
from worker.errors import JobNotFoundError, StaleAttemptError, StoreUnavailableError
from worker.queue.reads import Lease
from worker.queue.store import JobStore

GRACE = 1.1
"""A lease and 10 %: the worker's clock may be slower than ours."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Sighting:
    renewals: int
    first_seen: float


class Reaper:
    """One watcher; any number may watch at once, in workers and APIs."""

    def __init__(
        self,
        store: JobStore,
        lease_s: float,
        ring: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._patience_s = lease_s * GRACE
        self._ring = ring
        self._clock = clock
        self._sightings: dict[str, _Sighting] = {}
        self._looked_at = clock()

    def tick(self) -> list[str]:
        """Look once; the ids of the jobs that were taken from their workers."""
        try:
            watch = self._store.watch()
            # Time spent waiting for the answer must not count against a worker: look at the clock after.
            seen_at = self._clock()
            self._forget_after_sleep(seen_at)
            self._remember(watch.leases, seen_at)
            taken = [
                lease.job_id for lease in watch.leases if self._is_dead(lease, seen_at) and self._take(lease)
            ]
        except StoreUnavailableError:
            self._sightings.clear()  # nobody could renew while we could not look
            return []
        except Exception:
            self._sightings.clear()  # no more did we see anyone renew
            raise
        if taken or (watch.queued and not watch.wake_ups):
            self._ring()
            reach(Failpoint.REAP_WAKE_UP_SENT)
        return taken

    def run(self, stopped: threading.Event, every_s: float = 1.0) -> None:
        """Look again and again until stopped."""
        while not stopped.wait(every_s):
            try:
                self.tick()
            except Exception:  # noqa: BLE001  # a process that looks well must not be without its reaper
                _log.exception("the reaper could not look")

    def _forget_after_sleep(self, seen_at: float) -> None:
        """A reaper that was stopped itself (SIGSTOP, a paused machine) has seen nothing meanwhile."""
        if seen_at - self._looked_at > self._patience_s / 2:
            self._sightings.clear()
        self._looked_at = seen_at

    def _remember(self, leases: list[Lease], seen_at: float) -> None:
        before = self._sightings
        self._sightings = {}
        for lease in leases:
            known = before.get(lease.attempt_id)
            is_still = known is not None and known.renewals == lease.renewals
            self._sightings[lease.attempt_id] = (
                known if known and is_still else _Sighting(lease.renewals, seen_at)
            )

    def _is_dead(self, lease: Lease, seen_at: float) -> bool:
        return seen_at - self._sightings[lease.attempt_id].first_seen > self._patience_s

    def _take(self, lease: Lease) -> bool:
        reach(Failpoint.REAP_DUE)
        try:
            status = self._store.reap(lease.job_id, lease.attempt_id, lease.renewals)
        except (StaleAttemptError, JobNotFoundError):
            return False  # it renewed or ended after all, or another reaper was first
        reach(Failpoint.REAP_RECORDED)
        _log.warning(
            "took job %s from attempt %s, which stood still: %s", lease.job_id, lease.attempt_id, status
        )
        return True
