"""Every change of a job as the call of one script: arguments in, typed answer out. Runs nothing itself."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from pydantic import TypeAdapter

from model.spec import ResolvedSpec
from worker.queue.ids import new_job_id
from worker.queue.job import (
    DEATHS_ALLOWED,
    Changes,
    Checkpoint,
    Claimed,
    Committed,
    Flags,
    Idempotency,
    Job,
    JobError,
    NewJob,
    Outcome,
    Status,
    Submitted,
    Transition,
    as_text,
)
from worker.redis_server.scripts import Call, Reply

QUEUE_LIMIT = 10_000
IDEMPOTENCY_KEPT_S = 24 * 60 * 60
_TRANSITIONS = TypeAdapter(list[Transition])


def now() -> str:
    """The time as every record writes it."""
    return as_text(datetime.now(UTC))


def idempotency_id(created_by: str | None, key: str | None) -> str:
    """A caller's key by its hash: keys of two callers never meet, whatever they write into them; "" without one."""
    return hashlib.sha256(json.dumps([created_by, key]).encode()).hexdigest() if key else ""


def _read_status(reply: Reply) -> Status:
    return Status(reply[0])


def _read_job(reply: Reply) -> Job:
    return Job.model_validate_json(reply[0])


def submit(
    job: NewJob, idempotency: Idempotency | None = None, *, queue_limit: int = QUEUE_LIMIT
) -> Call[Submitted]:
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
    return Call("submit", arguments, _read_submitted)


def replay(created_by: str | None, idempotency: Idempotency) -> Call[Submitted | None]:
    """The answer that a submission with this key got before; None when there was none.

    Raises:
        IdempotencyMismatchError: the key was used with another body.
    """
    arguments = (idempotency_id(created_by, idempotency.key), idempotency.body_hash)
    return Call("replay", arguments, lambda reply: _read_submitted(reply) if reply else None)


def _read_submitted(reply: Reply) -> Submitted:
    return Submitted(reply[0], reply[1], reply[2] == "replay")


def cancel(job_id: str) -> Call[Job]:
    """Cancel: at once when queued, else by the flag of the next renewal; asking again is fine.

    Raises:
        WrongStateError: it succeeded or failed already.
        PublishCommittedError: its model is being published.
    """
    return Call("cancel", (job_id, now()), _read_job)


def stop(job_id: str) -> Call[Job]:
    """End early and publish the best so far; asking again is fine.

    Raises:
        NothingToPublishError: no epoch has been validated yet.
        WrongStateError: it has ended, or is being cancelled.
        PublishCommittedError: its model is being published.
    """
    return Call("stop", (job_id, now()), _read_job)


def pause(job_id: str) -> Call[Job]:
    """Checkpoint and free the device: at once when queued, else by the flag of the next renewal.

    Raises:
        WrongStateError: it has ended, or is being stopped or cancelled.
        PublishCommittedError: its model is being published.
    """
    return Call("pause", (job_id, now()), _read_job)


def resume(job_id: str) -> Call[Job]:
    """Put a paused job back to its old place in the queue.

    Raises:
        WrongStateError: it is not paused.
    """
    return Call("resume", (job_id, now()), _read_job)


def claim(worker: str, attempt_id: str, devices: int = 1) -> Call[Claimed | None]:
    """Take the first queued job that so many devices are enough for; None when there is none."""
    return Call("claim", (attempt_id, json.dumps(worker), now(), devices), _read_claimed)


def _read_claimed(reply: Reply) -> Claimed | None:
    if not reply:
        return None
    job_id, number, spec, created_by, checkpoint, should_stop, memory_deaths, transitions, *committed = reply
    return Claimed(
        job_id=job_id,
        attempt_number=int(number),
        spec=ResolvedSpec.model_validate_json(spec),
        created_by=json.loads(created_by),
        checkpoint=Checkpoint.model_validate_json(checkpoint) if checkpoint else None,
        should_stop=bool(should_stop),
        memory_deaths=int(memory_deaths),
        pauses=_pauses(_TRANSITIONS.validate_json(transitions)),
        committed=_read_committed(committed) if committed else None,
    )


def _pauses(transitions: list[Transition]) -> tuple[tuple[float, float], ...]:
    return tuple(
        (one.at.timestamp(), following.at.timestamp())
        for one, following in pairwise(transitions)
        if one.status is Status.PAUSED
    )


def renew(job_id: str, attempt_id: str) -> Call[Flags]:
    """Say that this attempt lives, and hear what is wanted of it.

    Raises:
        StaleAttemptError: another attempt holds the job now, or none.
    """
    return Call("renew", (job_id, attempt_id), _read_flags)


def _read_flags(reply: Reply) -> Flags:
    status = _read_status(reply)
    return Flags(
        cancel=status is Status.CANCELLING, pause=status is Status.PAUSING, stop=status is Status.STOPPING
    )


def report(job_id: str, attempt_id: str, seq: int, changes: Changes) -> Call[None]:
    """Tell what changed. `seq` grows by one a report; one that was applied already is acknowledged.

    Raises:
        StaleAttemptError: another attempt holds the job now, or none.
    """
    best, checkpoint = changes.best, changes.checkpoint
    arguments = (
        job_id,
        attempt_id,
        seq,
        now(),
        changes.phase or "",
        "" if changes.rewind_to_epoch is None else changes.rewind_to_epoch,
        best.epoch if best else "",
        best.model_dump_json() if best else "",
        checkpoint.model_dump_json() if checkpoint else "",
        checkpoint.epoch if checkpoint else "",
        checkpoint.step if checkpoint else "",
        changes.progress.model_dump_json() if changes.progress else "",
        len(changes.rows),
        json.dumps(changes.log_lines),
        *(part for row in changes.rows for part in (row.epoch, row.model_dump_json())),
        *(json.dumps(line) for line in changes.log_lines),
    )
    return Call("report", arguments, lambda _: None)


def commit_publish(job_id: str, attempt_id: str, draft: Mapping[str, Any]) -> Call[Committed]:
    """Pass the point of no return with a manifest that lacks only its version; again gives the same.

    Raises:
        StaleAttemptError: another attempt holds the job now, or none.
        JobCancelledError: the job is being cancelled.
    """
    unversioned = {name: value for name, value in draft.items() if name != "version"}
    metrics = draft.get("metrics", {})
    measured = {name: metrics.get(name) for name in ("test_accuracy", "test_accuracy_tta", "ci95")}
    arguments = (
        job_id,
        attempt_id,
        now(),
        draft["id"],
        json.dumps(unversioned),
        json.dumps(measured),
        draft["finish_reason"],
    )
    return Call("commit_publish", arguments, _read_committed)


def _read_committed(reply: Reply) -> Committed:
    return Committed(int(reply[0]), json.loads(reply[1]), reply[1])


def finish(job_id: str, attempt_id: str, outcome: Outcome, error: JobError | None = None) -> Call[Status]:
    """End the job: succeeded (after `commit_publish`; registers the model), failed (with `error`) or cancelled.

    Raises:
        StaleAttemptError: another attempt holds the job now, or none.
        WrongStateError: the job's status does not allow this end.
        NothingCommittedError: it cannot have succeeded.
    """
    job_error = error.model_dump_json() if error else ""
    return Call("finish", (job_id, attempt_id, outcome, now(), job_error), _read_status)


def requeue(job_id: str, attempt_id: str, outcome: Outcome, detail: str = "") -> Call[Status]:
    """End the attempt, not the job: it takes its old place in the queue, unless it died too often.

    Raises:
        StaleAttemptError: another attempt holds the job now, or none.
    """
    return _release(job_id, attempt_id, outcome, "", detail)


def reap(job_id: str, attempt_id: str, renewals: int) -> Call[Status]:
    """Take the job from a worker that stood still at `renewals`.

    Raises:
        StaleAttemptError: the attempt has renewed, or holds the job no longer.
    """
    return _release(
        job_id, attempt_id, Outcome.WORKER_LOST, renewals, "The worker stopped renewing its lease."
    )


def _release(
    job_id: str, attempt_id: str, outcome: Outcome, renewals: int | str, detail: str
) -> Call[Status]:
    given_up = JobError(
        code=f"{outcome}_repeatedly",
        message=f"{DEATHS_ALLOWED} attempts in a row died without a new checkpoint. {detail}".strip(),
    )
    arguments = (job_id, attempt_id, outcome, now(), renewals, given_up.model_dump_json())
    return Call("release", arguments, _read_status)


def delete(job_id: str) -> Call[None]:
    """Forget a finished job, whose checkpoints the caller has deleted.

    Raises:
        WrongStateError: it has not ended.
    """
    return Call("delete", (job_id,), lambda _: None)
