"""Requeues the work items of dead workers, and sends the wake-ups that lanes lack. Uses its own clock only."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from model.host import lease_clock
from model.host.failpoints import Failpoint, reach
from worker.errors import JobNotFoundError, StaleAttemptError, StoreUnavailableError
from worker.queue.calls.reads import Lease
from worker.queue.kinds import Lane
from worker.queue.store import JobStore

GRACE_FACTOR = 1.1
"""A lease expires after its duration and 10 %: the worker's clock may run slower than the reaper's."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Observation:
    """A renewal count, and when this reaper first read it."""

    renewals: int
    first_seen_at: float


class Reaper:
    """Takes a work item from its attempt once the attempt's renewal count has not changed for a whole lease.

    Several reapers may run at once, in any processes.
    """

    def __init__(
        self,
        store: JobStore,
        lease_s: float,
        send_wake_up: Callable[[Lane], None],
        clock: Callable[[], float] = lease_clock.now,
    ) -> None:
        self._store = store
        self._expires_after_s = lease_s * GRACE_FACTOR
        self._send_wake_up = send_wake_up
        self._clock = clock
        self._observations: dict[str, _Observation] = {}
        self._last_check_at = clock()

    def check(self) -> list[str]:
        """Read all leases once; returns the ids of the items that were taken from dead workers."""
        try:
            watch = self._store.watch()
            # Read the clock after the answer: the time spent waiting for it must not count against a worker.
            now = self._clock()
            self._reset_after_pause(now)
            self._observe(watch.leases, now)
            taken = [lease for lease in watch.leases if self._is_expired(lease, now) and self._take(lease)]
        except StoreUnavailableError:
            self._observations.clear()  # no worker could renew its lease either
            return []
        except Exception:
            self._observations.clear()  # renewals may have happened that this reaper could not read
            raise
        lanes_of_taken = {lease.lane for lease in taken}
        for lane, load in watch.lanes.items():
            if lane in lanes_of_taken or (load.queued and not load.wake_ups):
                self._send_wake_up(lane)
                reach(Failpoint.REAP_WAKE_UP_SENT)
        return [lease.item_id for lease in taken]

    def _reset_after_pause(self, now: float) -> None:
        """Start counting again when this process was suspended itself (SIGSTOP, a suspended machine)."""
        if now - self._last_check_at > self._expires_after_s / 2:
            self._observations.clear()
        self._last_check_at = now

    def _observe(self, leases: list[Lease], now: float) -> None:
        before = self._observations
        self._observations = {}
        for lease in leases:
            known = before.get(lease.attempt_id)
            is_unchanged = known is not None and known.renewals == lease.renewals
            self._observations[lease.attempt_id] = (
                known if known and is_unchanged else _Observation(lease.renewals, now)
            )

    def _is_expired(self, lease: Lease, now: float) -> bool:
        return now - self._observations[lease.attempt_id].first_seen_at > self._expires_after_s

    def _take(self, lease: Lease) -> bool:
        reach(Failpoint.REAP_DUE)
        try:
            status = self._store.reap(lease.item_id, lease.attempt_id, lease.renewals)
        except (StaleAttemptError, JobNotFoundError):
            return False  # the attempt renewed or ended meanwhile, or another reaper took the item first
        reach(Failpoint.REAP_RECORDED)
        _log.warning(
            "attempt %s stopped renewing its lease: %s is now %s", lease.attempt_id, lease.item_id, status
        )
        return True
