"""What the owner of a job may request: submit, cancel, stop, pause, resume and delete, each as a call of one script."""

import json
from dataclasses import dataclass

from model.recipes.resolved_recipe import ResolvedRecipe, resolve_recipe
from model.spec import ResolvedSpec
from worker.queue.ids import new_job_id
from worker.queue.records import Job
from worker.queue.scripts import QUEUE_SCRIPTS
from worker.redis_server.idempotency import IDEMPOTENCY_KEPT_S, idempotency_id
from worker.redis_server.scripts import Reply, ScriptCall

QUEUE_LIMIT = 10_000


@dataclass(frozen=True)
class NewJob:
    """A job to submit."""

    spec: ResolvedSpec
    created_by: str | None = None
    warnings: tuple[str, ...] = ()
    recipe: ResolvedRecipe | None = None
    """All attempts train with this recipe. None: the recipe that the spec names, as this version has it."""


@dataclass(frozen=True)
class Idempotency:
    """An Idempotency-Key of a request, and the hash of the request's body."""

    key: str
    body_hash: str


@dataclass(frozen=True)
class Submitted:
    """The answer to a submission. A repeated submission gets the first answer unchanged."""

    job_id: str
    job_json: str
    is_replay: bool
    """True when the submission repeated an earlier one."""

    @property
    def job(self) -> Job:
        """The job as it was at its submission."""
        return Job.model_validate_json(self.job_json)


def _read_job(reply: Reply) -> Job:
    return Job.model_validate_json(reply[0])


def submit(
    job: NewJob, idempotency: Idempotency | None = None, *, queue_limit: int = QUEUE_LIMIT
) -> ScriptCall[Submitted]:
    """Put a new job at the end of the queue; a repeated Idempotency-Key returns the first answer instead.

    Raises:
        IdempotencyMismatchError: the key was used with another body.
        QueueFullError: `queue_limit` jobs are queued already.
    """
    spec = job.spec
    arguments = {
        "job_id": new_job_id(),
        "queue_limit": queue_limit,
        "idempotency_id": idempotency_id(job.created_by, idempotency.key if idempotency else None),
        "body_hash": idempotency and idempotency.body_hash,
        "keep_s": IDEMPOTENCY_KEPT_S,
        "name": spec.name,
        "dataset": spec.dataset,
        "promote": spec.promote,
        "spec": spec.model_dump_json(),
        "recipe": (job.recipe or resolve_recipe(spec)).model_dump_json(),
        "warnings": json.dumps(job.warnings),
        "tags": json.dumps(spec.tags),
        "created_by": json.dumps(job.created_by),
        "gpus": spec.gpus,
    }
    return QUEUE_SCRIPTS.call("requests/submit", arguments, _read_submitted)


def replay(created_by: str | None, idempotency: Idempotency) -> ScriptCall[Submitted | None]:
    """Read the answer to an earlier submission with this key; None when the key is new.

    Raises:
        IdempotencyMismatchError: the key was used with another body.
    """
    arguments = {
        "idempotency_id": idempotency_id(created_by, idempotency.key),
        "body_hash": idempotency.body_hash,
    }
    return QUEUE_SCRIPTS.call(
        "requests/replay", arguments, lambda reply: _read_submitted(reply) if reply else None
    )


def _read_submitted(reply: Reply) -> Submitted:
    return Submitted(reply[0], reply[1], reply[2] == "replay")


def cancel(job_id: str) -> ScriptCall[Job]:
    """Cancel a job: a queued or paused job at once, a running job at its next renewal. May be repeated.

    Raises:
        WrongStateError: the job has succeeded or failed.
        PublishCommittedError: the job's model is being published.
    """
    return QUEUE_SCRIPTS.call("requests/cancel", {"job_id": job_id}, _read_job)


def stop(job_id: str) -> ScriptCall[Job]:
    """End training early and publish the best epoch so far. May be repeated.

    Raises:
        NothingToPublishError: no epoch has been completed yet.
        WrongStateError: the job has ended or is being cancelled.
        PublishCommittedError: the job's model is being published.
    """
    return QUEUE_SCRIPTS.call("requests/stop", {"job_id": job_id}, _read_job)


def pause(job_id: str) -> ScriptCall[Job]:
    """Pause a job: a queued job at once, a running job after its next renewal and a checkpoint. May be repeated.

    Raises:
        WrongStateError: the job has ended, or is being stopped or cancelled.
        PublishCommittedError: the job's model is being published.
    """
    return QUEUE_SCRIPTS.call("requests/pause", {"job_id": job_id}, _read_job)


def resume(job_id: str) -> ScriptCall[Job]:
    """Put a paused job back to its former position in the queue.

    Raises:
        WrongStateError: the job is not paused.
    """
    return QUEUE_SCRIPTS.call("requests/resume", {"job_id": job_id}, _read_job)


def delete(job_id: str) -> ScriptCall[None]:
    """Delete the record of a finished job. The caller deletes the job's checkpoints before.

    Raises:
        WrongStateError: the job has not ended.
    """
    return QUEUE_SCRIPTS.call("requests/delete", {"job_id": job_id}, lambda _: None)
