"""Elects the process that does the upkeep, by leases that need no clock in Redis. Knows not what the upkeep is."""

import logging
import os
import secrets
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from model.host import lease_clock
from worker.errors import StoreUnavailableError
from worker.upkeep.roles import Role, RoleStore, Tenure

LEASE_S = 5.0
"""A process that has not renewed its role for this long loses the role."""
EXPIRES_AFTER_S = 1.1 * LEASE_S
"""Another process takes the role 10 % later, because its clock may run faster."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Observation:
    """Who has a role, and when this process first read it."""

    tenure: Tenure
    first_seen_at: float


class Election:
    """One process's part in the election: it renews the role that it has, or takes a role that nobody renews.

    Losing a role does no harm: all upkeep may be done by several processes at once. The election only saves work.
    """

    def __init__(self, store: RoleStore, clock: Callable[[], float] = lease_clock.now) -> None:
        self._store = store
        self._clock = clock
        self.process_id = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._observations: dict[Role, _Observation] = {}
        self._last_read_at = clock()
        self._role: Role | None = None
        self._has_role_until = 0.0

    @property
    def is_leader(self) -> bool:
        """Whether this process is certainly the leader: no other process can have taken the role yet."""
        return self._role is Role.LEADER and self._clock() < self._has_role_until

    def stand(self) -> Role | None:
        """Renew or take a role; returns the role of this process.

        While Redis fails, nobody can renew a role: this process keeps its own, and begins again to watch the others.
        """
        sent_at = self._clock()  # other processes count from the arrival of the renewal, which is later
        try:
            role = self._renew_or_take()
        except Exception as error:  # noqa: BLE001  # a process must not continue without its upkeep
            if not isinstance(error, StoreUnavailableError):
                _log.exception("could not stand for election")
            self._observations.clear()
            return self._role
        if role is not self._role:
            _log.info("this process is %s of the upkeep", f"the {role}" if role else "no longer in charge")
        self._role, self._has_role_until = role, sent_at + LEASE_S
        return role

    def leave(self) -> None:
        """Give up the role, so that another process takes it at once."""
        if self._role:
            with suppress(StoreUnavailableError):  # the role expires by itself
                self._store.leave(self._role, self.process_id)
            self._role = None

    def _renew_or_take(self) -> Role | None:
        self._observe(self._store.read())
        for role in (Role.LEADER, Role.DEPUTY):
            if self._may_hold(role) and self._hold(role):
                if role is Role.LEADER:
                    self._store.leave(Role.DEPUTY, self.process_id)
                return role
        return None

    def _observe(self, tenures: dict[Role, Tenure]) -> None:
        # Read the clock after the answer: the time spent waiting for it must not count against another process.
        now = self._clock()
        if now - self._last_read_at > LEASE_S:  # this process was suspended itself
            self._observations.clear()
        self._last_read_at = now
        for role, tenure in tenures.items():
            known = self._observations.get(role)
            if known is None or known.tenure != tenure:
                self._observations[role] = _Observation(tenure, now)

    def _may_hold(self, role: Role) -> bool:
        seen = self._observations[role]
        is_expired = self._last_read_at - seen.first_seen_at > EXPIRES_AFTER_S
        return seen.tenure.process_id in ("", self.process_id) or is_expired

    def _hold(self, role: Role) -> bool:
        now_recorded = self._store.hold(role, self.process_id, self._observations[role].tenure)
        return now_recorded.process_id == self.process_id
