"""What the owner of a work item may request, whatever its kind: cancel, pause, resume, delete; and what submissions share."""

import json
from dataclasses import dataclass

from worker.queue.kinds import PLAIN_VERSION, Kind
from worker.queue.records import Job
from worker.queue.scripts import QUEUE_SCRIPTS
from worker.redis_server.idempotency import IDEMPOTENCY_KEPT_S, idempotency_id
from worker.redis_server.projects import DEFAULT_PROJECT
from worker.redis_server.scripts import Reply, ScriptCall


@dataclass(frozen=True)
class Idempotency:
    """An Idempotency-Key of a request, and the hash of the request's body."""

    key: str
    body_hash: str


def submission_arguments(
    kind: Kind,
    item_id: str,
    *,
    name: str,
    project: str,
    created_by: str | None,
    idempotency: Idempotency | None,
    queue_limit: int,
    schema_version: int = PLAIN_VERSION,
) -> dict[str, object]:
    """Return the arguments that the submission of every kind has."""
    key = idempotency.key if idempotency else None
    return {
        "item_id": item_id,
        "project": project,
        "schema_version": schema_version,
        "priority": 0,
        "name": name,
        "created_by": json.dumps(created_by),
        "queue_limit": queue_limit,
        "idempotency_id": idempotency_id(kind, project, created_by, key),
        "body_hash": idempotency and idempotency.body_hash,
        "keep_s": IDEMPOTENCY_KEPT_S,
    }


def read_submitted(reply: Reply) -> tuple[str, str, bool]:
    """Parse the answer to a submission: id, JSON, and whether it repeats an earlier answer."""
    return reply[0], reply[1], reply[2] == "replay"


def replay(
    kind: Kind, created_by: str | None, idempotency: Idempotency, project: str = DEFAULT_PROJECT
) -> ScriptCall[tuple[str, str, bool] | None]:
    """Read the answer to an earlier submission with this key; None when the key is new.

    Raises:
        IdempotencyMismatchError: the key was used with another body.
    """
    arguments = {
        "idempotency_id": idempotency_id(kind, project, created_by, idempotency.key),
        "body_hash": idempotency.body_hash,
    }
    return QUEUE_SCRIPTS.call(
        "requests/replay", arguments, lambda reply: read_submitted(reply) if reply else None
    )


def read_job(reply: Reply) -> Job:
    """Parse a reply that is a job."""
    return Job.model_validate_json(reply[0])


def cancel_item(item_id: str, project: str = DEFAULT_PROJECT) -> ScriptCall[str]:
    """Cancel a work item of any kind, and return it as JSON. A queued or paused one ends at once. May be repeated.

    Raises:
        WrongStateError: the item has succeeded or failed.
        PublishCommittedError: the job's model is being published.
    """
    arguments = {"item_id": item_id, "project": project}
    return QUEUE_SCRIPTS.call("requests/cancel", arguments, lambda reply: reply[0])


def cancel(job_id: str, project: str = DEFAULT_PROJECT) -> ScriptCall[Job]:
    """Cancel a job: a queued or paused job at once, a running job at its next renewal. May be repeated.

    Raises:
        WrongStateError: the job has succeeded or failed.
        PublishCommittedError: the job's model is being published.
    """
    return QUEUE_SCRIPTS.call("requests/cancel", {"item_id": job_id, "project": project}, read_job)


def pause(job_id: str, project: str = DEFAULT_PROJECT) -> ScriptCall[Job]:
    """Pause a job: a queued job at once, a running job after its next renewal and a checkpoint. May be repeated.

    Raises:
        WrongStateError: the job has ended, or is being stopped or cancelled.
        PublishCommittedError: the job's model is being published.
    """
    return QUEUE_SCRIPTS.call("requests/pause", {"item_id": job_id, "project": project}, read_job)


def resume(job_id: str, project: str = DEFAULT_PROJECT) -> ScriptCall[Job]:
    """Put a paused job back to its former position in the queue.

    Raises:
        WrongStateError: the job is not paused.
    """
    return QUEUE_SCRIPTS.call("requests/resume", {"item_id": job_id, "project": project}, read_job)


def delete(item_id: str, project: str | None = DEFAULT_PROJECT) -> ScriptCall[None]:
    """Delete the record of a finished item. The caller deletes the job's checkpoints before; upkeep passes no project.

    Raises:
        WrongStateError: the item has not ended.
    """
    return QUEUE_SCRIPTS.call("requests/delete", {"item_id": item_id, "project": project}, lambda _: None)
