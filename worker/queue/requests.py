"""What the owner of a job may request: submit, cancel, stop, pause, resume and delete, each as a call of one script."""

import json
from dataclasses import dataclass

from model.spec import ResolvedSpec
from worker.queue.ids import new_job_id
from worker.queue.records import Job
from worker.queue.scripts import QUEUE_SCRIPTS
from worker.redis_server.idempotency import IDEMPOTENCY_KEPT_S, idempotency_id
from worker.redis_server.scripts import Reply, ScriptCall
from worker.redis_server.timestamps import now

QUEUE_LIMIT = 10_000


@dataclass(frozen=True)
class NewJob:
    """What is submitted."""

    spec: ResolvedSpec
    created_by: str | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Idempotency:
    """A caller's Idempotency-Key and the hash of the body that came with it."""

    key: str
    body_hash: str


@dataclass(frozen=True)
class Submitted:
    """The answer to a submission; for a repeated one the first answer, word for word."""

    job_id: str
    job_json: str
    is_replay: bool

    @property
    def job(self) -> Job:
        """The job as it was when it was first submitted."""
        return Job.model_validate_json(self.job_json)


def _read_job(reply: Reply) -> Job:
    return Job.model_validate_json(reply[0])


def submit(
    job: NewJob, idempotency: Idempotency | None = None, *, queue_limit: int = QUEUE_LIMIT
) -> ScriptCall[Submitted]:
    """Record a new job at the end of the queue; the same idempotency key answers with the first answer.

    Raises:
        IdempotencyMismatchError: the key was used with another body.
        QueueFullError: `queue_limit` jobs are queued.
    """
    spec = job.spec
    arguments = (
        new_job_id(),
        now(),
        queue_limit,
        idempotency_id(job.created_by, idempotency.key if idempotency else None),
        idempotency.body_hash if idempotency else "",
        IDEMPOTENCY_KEPT_S,
        spec.name,
        spec.dataset,
        spec.promote,
        spec.model_dump_json(),
        json.dumps(job.warnings),
        json.dumps(spec.tags),
        json.dumps(job.created_by),
        spec.gpus,
    )
    return QUEUE_SCRIPTS.call("submit", arguments, _read_submitted)


def replay(created_by: str | None, idempotency: Idempotency) -> ScriptCall[Submitted | None]:
    """The answer that a submission with this key got before; None when there was none.

    Raises:
        IdempotencyMismatchError: the key was used with another body.
    """
    arguments = (idempotency_id(created_by, idempotency.key), idempotency.body_hash)
    return QUEUE_SCRIPTS.call("replay", arguments, lambda reply: _read_submitted(reply) if reply else None)


def _read_submitted(reply: Reply) -> Submitted:
    return Submitted(reply[0], reply[1], reply[2] == "replay")


def cancel(job_id: str) -> ScriptCall[Job]:
    """Cancel: at once when queued, else by the flag of the next renewal; asking again is fine.

    Raises:
        WrongStateError: it succeeded or failed already.
        PublishCommittedError: its model is being published.
    """
    return QUEUE_SCRIPTS.call("cancel", (job_id, now()), _read_job)


def stop(job_id: str) -> ScriptCall[Job]:
    """End early and publish the best so far; asking again is fine.

    Raises:
        NothingToPublishError: no epoch has been validated yet.
        WrongStateError: it has ended, or is being cancelled.
        PublishCommittedError: its model is being published.
    """
    return QUEUE_SCRIPTS.call("stop", (job_id, now()), _read_job)


def pause(job_id: str) -> ScriptCall[Job]:
    """Checkpoint and free the device: at once when queued, else by the flag of the next renewal.

    Raises:
        WrongStateError: it has ended, or is being stopped or cancelled.
        PublishCommittedError: its model is being published.
    """
    return QUEUE_SCRIPTS.call("pause", (job_id, now()), _read_job)


def resume(job_id: str) -> ScriptCall[Job]:
    """Put a paused job back to its old place in the queue.

    Raises:
        WrongStateError: it is not paused.
    """
    return QUEUE_SCRIPTS.call("resume", (job_id, now()), _read_job)


def delete(job_id: str) -> ScriptCall[None]:
    """Forget a finished job, whose checkpoints the caller has deleted.

    Raises:
        WrongStateError: it has not ended.
    """
    return QUEUE_SCRIPTS.call("delete", (job_id,), lambda _: None)
