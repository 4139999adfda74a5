"""Every look at a job as the call of one script. Runs nothing itself."""

import json
from dataclasses import dataclass

from worker.queue.job import EpochRow, Job
from worker.redis_server.scripts import Call, Reply


@dataclass(frozen=True)
class Event:
    """Something that happened to a job."""

    id: str
    """Its id in the job's own stream."""
    event: str
    data: str
    """JSON."""


@dataclass(frozen=True)
class EventPage:
    """Events in order, and whether older ones than these were asked for but are no longer kept."""

    events: list[Event]
    is_reset: bool


@dataclass(frozen=True)
class Lease:
    """What a reaper sees of a live attempt."""

    job_id: str
    attempt_id: str
    renewals: int


@dataclass(frozen=True)
class Watch:
    """All that a reaper needs to see, at one moment."""

    queued: int
    bells: int
    leases: list[Lease]


def get(job_id: str) -> Call[Job]:
    """One job.

    Raises:
        JobNotFoundError: there is none of this id.
    """
    return Call("get", (job_id,), lambda reply: Job.model_validate_json(reply[0]))


def get_json(job_id: str) -> Call[str]:
    """One job as the JSON text that it is kept in: nothing is parsed on the way."""
    return Call("get", (job_id,), lambda reply: reply[0])


def rows(job_id: str, after: int = 0, limit: int = 1000) -> Call[list[EpochRow]]:
    """Metrics rows of the epochs that follow `after`, oldest first."""
    return Call(
        "rows", (job_id, after, limit), lambda reply: [EpochRow.model_validate_json(row) for row in reply]
    )


def logs(job_id: str, tail: int = 2000) -> Call[list[str]]:
    """The trainer's last `tail` lines."""
    return Call("logs", (job_id, tail), lambda reply: [json.loads(line) for line in reply])


def events(job_id: str, after: str = "", count: int = 1000) -> Call[EventPage]:
    """What happened after the event `after`; when some of that is no longer kept, all that is."""
    return Call("events", (job_id, after, count), _read_events)


def _read_events(reply: Reply) -> EventPage:
    is_reset, *flat = reply
    triples = zip(flat[::3], flat[1::3], flat[2::3], strict=True)
    return EventPage([Event(*triple) for triple in triples], is_reset == "reset")


def finished_before(at: str, limit: int = 100) -> Call[list[str]]:
    """Ids of some of the oldest jobs that ended before `at`."""
    return Call("finished_before", (at, limit), lambda reply: reply)


def watch() -> Call[Watch]:
    """Every live attempt's renewals, how many jobs are queued, and how many bells lie in the broker."""
    return Call("watch", (), _read_watch)


def _read_watch(reply: Reply) -> Watch:
    queued, bells, *flat = reply
    triples = zip(flat[::3], flat[1::3], flat[2::3], strict=True)
    leases = [Lease(job_id, attempt_id, int(renewals)) for job_id, attempt_id, renewals in triples]
    return Watch(int(queued), int(bells), leases)
