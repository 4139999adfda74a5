"""Reads of work items: each function returns the operation, a script call or plain commands. Sends nothing itself."""

import json
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from worker.errors import JobNotFoundError
from worker.queue.kinds import Kind, Lane
from worker.queue.packed_history import PACKED, Event, EventPage, unpack
from worker.queue.records import Checkpoint, EpochRow, Job
from worker.queue.scripts import LOG_LINES_KEPT, QUEUE_SCRIPTS
from worker.redis_server import keys as redis_keys
from worker.redis_server.projects import DEFAULT_PROJECT
from worker.redis_server.scripts import Commands, Reply, ScriptCall


@dataclass(frozen=True)
class Lease:
    """The lease of a running attempt, as a reaper reads it."""

    item_id: str
    attempt_id: str
    renewals: int
    """Number of renewals so far."""
    lane: Lane = Lane.TRAINING
    """Where the item is queued again when its worker is dead."""


@dataclass(frozen=True)
class LaneLoad:
    """The load of one lane."""

    queued: int
    """Number of queued items that may be claimed now."""
    wake_ups: int
    """Number of wake-ups that no worker has received yet."""


@dataclass(frozen=True)
class Watch:
    """What a reaper reads in one step."""

    lanes: dict[Lane, LaneLoad]
    leases: list[Lease]


def get(job_id: str, project: str = DEFAULT_PROJECT) -> ScriptCall[Job]:
    """Read one job.

    Raises:
        JobNotFoundError: no job has this id.
    """
    arguments = {"item_id": job_id, "project": project}
    return QUEUE_SCRIPTS.call("reads/get", arguments, lambda reply: Job.model_validate_json(reply[0]))


def get_json(item_id: str, project: str | None = DEFAULT_PROJECT) -> ScriptCall[str]:
    """Read one work item as JSON text, without parsing it; upkeep passes no project.

    Raises:
        JobNotFoundError: no item has this id.
    """
    arguments = {"item_id": item_id, "project": project}
    return QUEUE_SCRIPTS.call("reads/get", arguments, lambda reply: reply[0])


def project_of(item_id: str) -> Commands[str | None]:
    """Read the project of a work item; None when no item has this id."""

    def read(results: list[Any]) -> str | None:
        known, project = results[0]
        return (project or DEFAULT_PROJECT) if known else None

    return Commands((_read_owner(item_id),), read)


def best_checkpoint(job_id: str) -> Commands[str | None]:
    """Read the storage key of the checkpoint with the best weights of a job so far; None before there is one."""

    def read(results: list[Any]) -> str | None:
        return Checkpoint.model_validate_json(results[0]).best_key if results[0] else None

    return Commands((("HGET", redis_keys.ITEM + job_id, "checkpoint"),), read)


def rows(
    job_id: str, after: int = 0, limit: int = 1000, project: str | None = DEFAULT_PROJECT
) -> ScriptCall[list[EpochRow]]:
    """Read the metrics of at most `limit` epochs that follow epoch `after`, oldest first.

    Raises:
        JobNotFoundError: no job has this id.
    """

    def read(reply: Reply) -> list[EpochRow]:
        first, packed, *found = reply
        if packed:
            kept = unpack(packed).rows
            epochs = range(int(first), int(first) + limit)
            found = [kept[str(epoch)] for epoch in takewhile(lambda epoch: str(epoch) in kept, epochs)]
        return list(map(EpochRow.model_validate_json, found))

    arguments = {"item_id": job_id, "after": after, "limit": limit, "project": project}
    return QUEUE_SCRIPTS.call("reads/rows", arguments, read)


def logs(
    job_id: str, tail: int = LOG_LINES_KEPT, project: str | None = DEFAULT_PROJECT
) -> Commands[list[str]]:
    """Read the last `tail` lines of the trainer's log.

    Raises:
        JobNotFoundError: no job has this id.
    """

    def read(results: list[Any]) -> list[str]:
        owner, lines, packed = results
        _require(job_id, owner, project)
        if packed:
            lines = unpack(packed).log_lines[-tail:]
        return [json.loads(line) for line in lines] if tail else []

    commands = (
        _read_owner(job_id),
        ("LRANGE", redis_keys.LOGS + job_id, -tail, -1),
        ("HGET", redis_keys.ROWS + job_id, PACKED),
    )
    return Commands(commands, read)


def _read_owner(item_id: str) -> tuple[str | int, ...]:
    return ("HMGET", redis_keys.ITEM + item_id, "id", "project")


def _require(item_id: str, owner: list[str | None], project: str | None) -> None:
    """Raise unless the project has this item; records of earlier releases belong to the default project."""
    known, owner_project = owner
    if not known or project not in (None, owner_project or DEFAULT_PROJECT):
        raise JobNotFoundError(item_id)


def events(
    item_id: str, after: str = "", count: int = 1000, project: str | None = DEFAULT_PROJECT
) -> ScriptCall[EventPage]:
    """Read the events after the event `after`, or from the oldest event when some events after it are no longer kept.

    Raises:
        JobNotFoundError: no item has this id.
    """

    def read(reply: Reply) -> EventPage:
        how, *flat = reply
        if how == PACKED:
            return unpack(flat[0]).page(after, count)
        triples = zip(flat[::3], flat[1::3], flat[2::3], strict=True)
        return EventPage([Event(*triple) for triple in triples], how == "reset")

    arguments = {"item_id": item_id, "after": after, "count": count, "project": project}
    return QUEUE_SCRIPTS.call("reads/events", arguments, read)


def finished_before(at: str, limit: int = 100, kind: Kind = Kind.TRAINING) -> ScriptCall[list[str]]:
    """Read the ids of old items of a kind that ended before the time `at`, at most `limit` ids of each final status."""
    arguments = {"before": at, "limit": limit, "kind": kind}
    return QUEUE_SCRIPTS.call("reads/finished_before", arguments, lambda reply: reply)


def watch() -> ScriptCall[Watch]:
    """Read the leases of all running attempts, and for each lane the numbers of due items and of waiting wake-ups."""
    return QUEUE_SCRIPTS.call("reads/watch", {"lanes": list(Lane)}, _read_watch)


def _read_watch(reply: Reply) -> Watch:
    loads, flat = reply[: 2 * len(Lane)], reply[2 * len(Lane) :]
    lanes = {
        lane: LaneLoad(int(queued), int(wake_ups))
        for lane, queued, wake_ups in zip(Lane, loads[::2], loads[1::2], strict=True)
    }
    rows = zip(flat[::4], flat[1::4], flat[2::4], flat[3::4], strict=True)
    leases = [
        Lease(item_id, attempt_id, int(renewals), Lane(lane)) for item_id, attempt_id, renewals, lane in rows
    ]
    return Watch(lanes, leases)


def ended_with_checkpoints() -> Commands[list[str]]:
    """Read the ids of the ended jobs whose checkpoints may still be in storage."""
    return Commands((("SMEMBERS", redis_keys.ENDED_CHECKPOINTS),), lambda results: sorted(results[0]))


def note_checkpoints_deleted(job_id: str) -> Commands[None]:
    """Note that the checkpoints of an ended job are no longer in storage."""
    return Commands((("SREM", redis_keys.ENDED_CHECKPOINTS, job_id),), lambda _: None)
