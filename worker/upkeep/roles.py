"""The roles of processes in the upkeep, as Redis records them. Knows neither clocks nor what the roles do."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from worker.redis_server import keys as redis_keys
from worker.redis_server.clients import StoreClient, blocking_method
from worker.redis_server.scripts import Commands, ScriptCall, ScriptFolder

_SCRIPTS = ScriptFolder(path="upkeep/lua")


class Role(StrEnum):
    """A role that one process has at a time."""

    LEADER = "leader"
    """Does all upkeep."""
    DEPUTY = "deputy"
    """Watches the leases beside the leader, so that an item is taken in time although the leader died too."""


@dataclass(frozen=True)
class Tenure:
    """Who has a role, and how often the role was taken or renewed; it changes with each renewal."""

    process_id: str = ""
    """Empty when nobody has the role."""
    renewals: int = 0

    @classmethod
    def parse(cls, recorded: str | None) -> Self:
        """Parse what Redis records, such as `host-17-c0ffee 42`."""
        if not recorded:
            return cls()
        process_id, _, renewals = recorded.rpartition(" ")
        return cls(process_id, int(renewals))

    @property
    def recorded(self) -> str:
        """The form in Redis; empty when nobody has the role."""
        return f"{self.process_id} {self.renewals}" if self.process_id else ""


def read_roles() -> Commands[dict[Role, Tenure]]:
    """Read who has which role. Every process does this every few seconds, so it is one plain command."""

    def read(results: list[Any]) -> dict[Role, Tenure]:
        return {role: Tenure.parse(results[0].get(role)) for role in Role}

    return Commands((("HGETALL", redis_keys.UPKEEP_ROLES),), read)


def hold_role(role: Role, process_id: str, seen: Tenure) -> ScriptCall[Tenure]:
    """Take or renew a role, unless it changed since `seen` was read; returns who has the role now."""
    return _SCRIPTS.call(
        "hold_role",
        {"role": role, "process_id": process_id, "seen": seen.recorded},
        lambda reply: Tenure.parse(reply[0]),
    )


def leave_role(role: Role, process_id: str) -> ScriptCall[None]:
    """Leave a role; does nothing when another process has it."""
    return _SCRIPTS.call("leave_role", {"role": role, "process_id": process_id}, lambda _: None)


class RoleStore(StoreClient):
    """The roles, over a blocking client."""

    read = blocking_method(read_roles)
    hold = blocking_method(hold_role)
    leave = blocking_method(leave_role)
