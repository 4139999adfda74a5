"""What attempts and reapers do to jobs: claim, renew, report, publish and end, each as a call of one script."""

import json
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from pydantic import TypeAdapter

from model.recipes.resolved_recipe import ResolvedRecipe
from model.spec import ResolvedSpec
from worker.queue.attempt_messages import Claimed, Committed, Flags, Report
from worker.queue.records import Checkpoint, JobError, Transition
from worker.queue.scripts import QUEUE_SCRIPTS
from worker.queue.states import DEATHS_ALLOWED, PUBLISH_TRIES_ALLOWED, Outcome, Status
from worker.redis_server.scripts import Reply, ScriptCall

_TRANSITIONS = TypeAdapter(list[Transition])


def _read_status(reply: Reply) -> Status:
    return Status(reply[0])


def claim(worker: str, attempt_id: str, devices: int = 1) -> ScriptCall[Claimed | None]:
    """Claim the first queued job that may run now and needs at most `devices` devices; None when there is none."""
    arguments = {"attempt_id": attempt_id, "worker": json.dumps(worker), "devices": devices}
    return QUEUE_SCRIPTS.call("attempts/claim", arguments, _read_claimed)


def _read_claimed(reply: Reply) -> Claimed | None:
    if not reply:
        return None
    job_id, number, spec, created_by, checkpoint, should_stop, memory_deaths, transitions, recipe, *rest = (
        reply
    )
    return Claimed(
        job_id=job_id,
        attempt_number=int(number),
        spec=ResolvedSpec.model_validate_json(spec),
        recipe=ResolvedRecipe.model_validate_json(recipe) if recipe else None,
        created_by=json.loads(created_by),
        checkpoint=Checkpoint.model_validate_json(checkpoint) if checkpoint else None,
        should_stop=bool(should_stop),
        memory_deaths=int(memory_deaths),
        pauses=_pauses(_TRANSITIONS.validate_json(transitions)),
        committed=_read_committed(rest) if rest else None,
    )


def _pauses(transitions: list[Transition]) -> tuple[tuple[float, float], ...]:
    return tuple(
        (paused.at.timestamp(), following.at.timestamp())
        for paused, following in pairwise(transitions)
        if paused.status is Status.PAUSED
    )


def renew(job_id: str, attempt_id: str) -> ScriptCall[Flags]:
    """Renew the lease of an attempt and read the requests of the job's owner.

    Raises:
        StaleAttemptError: the attempt no longer holds the job.
    """
    return QUEUE_SCRIPTS.call("attempts/renew", {"job_id": job_id, "attempt_id": attempt_id}, _read_flags)


def _read_flags(reply: Reply) -> Flags:
    status = _read_status(reply)
    return Flags(
        cancel=status is Status.CANCELLING, pause=status is Status.PAUSING, stop=status is Status.STOPPING
    )


def report(job_id: str, attempt_id: str, seq: int, content: Report) -> ScriptCall[None]:
    """Report progress. `seq` is the number of the report; a report that was applied before is ignored.

    Raises:
        StaleAttemptError: the attempt no longer holds the job.
    """
    checkpoint = content.checkpoint
    arguments = {
        "job_id": job_id,
        "attempt_id": attempt_id,
        "seq": seq,
        "phase": content.phase,
        "rewind_to_epoch": content.rewind_to_epoch,
        "checkpoint": checkpoint
        and {"epoch": checkpoint.epoch, "step": checkpoint.step, "json": checkpoint.model_dump_json()},
        "progress": content.progress and content.progress.model_dump_json(),
        "rows": [{"epoch": row.epoch, "json": row.model_dump_json()} for row in content.rows],
        "bests": [{"epoch": best.epoch, "json": best.model_dump_json()} for best in content.bests],
        "log_lines": [json.dumps(line) for line in content.log_lines],
    }
    return QUEUE_SCRIPTS.call("attempts/report", arguments, lambda _: None)


def commit_publish(job_id: str, attempt_id: str, draft: Mapping[str, Any]) -> ScriptCall[Committed]:
    """Commit the publication of a model: assign its version. A repeated commit returns the first result.

    `draft` is the manifest without its version.

    Raises:
        StaleAttemptError: the attempt no longer holds the job.
        JobCancelledError: the job is being cancelled.
    """
    unversioned = {name: value for name, value in draft.items() if name != "version"}
    metrics = draft.get("metrics", {})
    measured = {name: metrics.get(name) for name in ("test_accuracy", "test_accuracy_tta", "ci95")}
    arguments = {
        "job_id": job_id,
        "attempt_id": attempt_id,
        "model_id": draft["id"],
        "draft": json.dumps(unversioned),
        "measured": json.dumps(measured),
        "finish_reason": draft["finish_reason"],
    }
    return QUEUE_SCRIPTS.call("attempts/commit_publish", arguments, _read_committed)


def _read_committed(reply: Reply) -> Committed:
    return Committed(int(reply[0]), json.loads(reply[1]), reply[1])


def finish(
    job_id: str, attempt_id: str, outcome: Outcome, error: JobError | None = None
) -> ScriptCall[Status]:
    """End the job: succeeded (after `commit_publish`; registers the model), failed (with `error`) or cancelled.

    Raises:
        StaleAttemptError: the attempt no longer holds the job.
        WrongStateError: the job's status does not allow this outcome.
        NothingCommittedError: the outcome is `succeeded`, but no model was committed.
    """
    arguments = {
        "job_id": job_id,
        "attempt_id": attempt_id,
        "outcome": outcome,
        "job_error": error and error.model_dump_json(),
    }
    return QUEUE_SCRIPTS.call("attempts/finish", arguments, _read_status)


def requeue(job_id: str, attempt_id: str, outcome: Outcome, detail: str = "") -> ScriptCall[Status]:
    """End the attempt but not the job: queue the job at its former position, or pause or cancel it as requested.

    After too many deaths the job fails.

    Once a model is committed, the job waits before its next try to publish, and fails after too many tries.

    Raises:
        StaleAttemptError: the attempt no longer holds the job.
    """
    return _release(job_id, attempt_id, outcome, None, detail)


def reap(job_id: str, attempt_id: str, renewals: int) -> ScriptCall[Status]:
    """End an attempt whose worker has stopped renewing the lease after `renewals` renewals.

    Raises:
        StaleAttemptError: the attempt has renewed its lease, or no longer holds the job.
    """
    return _release(
        job_id, attempt_id, Outcome.WORKER_LOST, renewals, "The worker stopped renewing its lease."
    )


def _release(
    job_id: str, attempt_id: str, outcome: Outcome, renewals: int | None, detail: str
) -> ScriptCall[Status]:
    death_error = JobError(
        code=f"{outcome}_repeatedly",
        message=f"{DEATHS_ALLOWED} attempts in a row died without a new checkpoint. {detail}".strip(),
    )
    publish_error = JobError(
        code="storage_unavailable",
        message=f"The model could not be published in {PUBLISH_TRIES_ALLOWED} tries. {detail}".strip(),
    )
    arguments = {
        "job_id": job_id,
        "attempt_id": attempt_id,
        "outcome": outcome,
        "renewals": renewals,
        "death_error": death_error.model_dump_json(),
        "publish_error": publish_error.model_dump_json(),
    }
    return QUEUE_SCRIPTS.call("attempts/release", arguments, _read_status)
