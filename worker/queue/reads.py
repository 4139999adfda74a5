"""Reads of jobs: each function returns the operation, a script call or plain commands. Sends nothing itself."""

import json
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from worker.errors import JobNotFoundError
from worker.queue.records import EpochRow, Job
from worker.queue.scripts import LOG_LINES_KEPT, QUEUE_SCRIPTS
from worker.redis_server import keys as redis_keys
from worker.redis_server.scripts import Commands, Reply, ScriptCall


@dataclass(frozen=True)
class Event:
    """One event of a job."""

    id: str
    """The id in the job's own stream."""
    event: str
    data: str
    """JSON."""


@dataclass(frozen=True)
class EventPage:
    """Events in order."""

    events: list[Event]
    is_reset: bool
    """True when some events after the requested one are no longer kept: the page then starts with the oldest event."""


@dataclass(frozen=True)
class Lease:
    """The lease of a running attempt, as a reaper reads it."""

    job_id: str
    attempt_id: str
    renewals: int
    """Number of renewals so far."""


@dataclass(frozen=True)
class Watch:
    """What a reaper reads in one step."""

    queued: int
    """Number of queued jobs."""
    wake_ups: int
    """Number of wake-ups that no worker has received yet."""
    leases: list[Lease]


def get(job_id: str) -> ScriptCall[Job]:
    """Read one job.

    Raises:
        JobNotFoundError: no job has this id.
    """
    return QUEUE_SCRIPTS.call(
        "reads/get", {"job_id": job_id}, lambda reply: Job.model_validate_json(reply[0])
    )


def get_json(job_id: str) -> ScriptCall[str]:
    """Read one job as JSON text, without parsing it.

    Raises:
        JobNotFoundError: no job has this id.
    """
    return QUEUE_SCRIPTS.call("reads/get", {"job_id": job_id}, lambda reply: reply[0])


def rows(job_id: str, after: int = 0, limit: int = 1000) -> Commands[list[EpochRow]]:
    """Read the metrics of at most `limit` epochs that follow epoch `after`, oldest first.

    Raises:
        JobNotFoundError: no job has this id.
    """
    epochs = range(after + 1, after + limit + 1)

    def read(results: list[Any]) -> list[EpochRow]:
        _require_job(job_id, results[0])
        return [EpochRow.model_validate_json(row) for row in takewhile(bool, results[1])]

    return Commands((("EXISTS", redis_keys.JOB + job_id), ("HMGET", redis_keys.ROWS + job_id, *epochs)), read)


def logs(job_id: str, tail: int = LOG_LINES_KEPT) -> Commands[list[str]]:
    """Read the last `tail` lines of the trainer's log.

    Raises:
        JobNotFoundError: no job has this id.
    """

    def read(results: list[Any]) -> list[str]:
        _require_job(job_id, results[0])
        return [json.loads(line) for line in results[1]] if tail else []

    return Commands(
        (("EXISTS", redis_keys.JOB + job_id), ("LRANGE", redis_keys.LOGS + job_id, -tail, -1)), read
    )


def _require_job(job_id: str, exists: int) -> None:
    if not exists:
        raise JobNotFoundError(job_id)


def events(job_id: str, after: str = "", count: int = 1000) -> ScriptCall[EventPage]:
    """Read the events after the event `after`, or from the oldest event when some events after it are no longer kept.

    Raises:
        JobNotFoundError: no job has this id.
    """
    return QUEUE_SCRIPTS.call(
        "reads/events", {"job_id": job_id, "after": after, "count": count}, _read_events
    )


def _read_events(reply: Reply) -> EventPage:
    is_reset, *flat = reply
    triples = zip(flat[::3], flat[1::3], flat[2::3], strict=True)
    return EventPage([Event(*triple) for triple in triples], is_reset == "reset")


def finished_before(at: str, limit: int = 100) -> ScriptCall[list[str]]:
    """Read the ids of old jobs that ended before the time `at`, at most `limit` ids of each final status."""
    return QUEUE_SCRIPTS.call("reads/finished_before", {"before": at, "limit": limit}, lambda reply: reply)


def watch() -> ScriptCall[Watch]:
    """Read the leases of all running attempts and the numbers of queued jobs and of waiting wake-ups."""
    return QUEUE_SCRIPTS.call("reads/watch", {}, _read_watch)


def _read_watch(reply: Reply) -> Watch:
    queued, wake_ups, *flat = reply
    triples = zip(flat[::3], flat[1::3], flat[2::3], strict=True)
    leases = [Lease(job_id, attempt_id, int(renewals)) for job_id, attempt_id, renewals in triples]
    return Watch(int(queued), int(wake_ups), leases)


def ended_with_checkpoints() -> Commands[list[str]]:
    """Read the ids of the ended jobs whose checkpoints may still be in storage."""
    return Commands((("SMEMBERS", redis_keys.ENDED_CHECKPOINTS),), lambda results: sorted(results[0]))


def note_checkpoints_deleted(job_id: str) -> Commands[None]:
    """Note that the checkpoints of an ended job are no longer in storage."""
    return Commands((("SREM", redis_keys.ENDED_CHECKPOINTS, job_id),), lambda _: None)
