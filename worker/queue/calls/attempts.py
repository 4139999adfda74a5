"""What attempts and reapers do to work items: claim, renew, report and end, each as a call of one script."""

import json
from collections.abc import Collection, Sequence

from worker.queue.attempt_messages import Claimed, Flags, Report, TrainingReport
from worker.queue.calls.claims import read_claimed
from worker.queue.kinds import SCHEMA_VERSION, Kind, Lane
from worker.queue.records import JobError
from worker.queue.scripts import QUEUE_SCRIPTS
from worker.queue.states import DEATHS_ALLOWED, PUBLISH_TRIES_ALLOWED, Outcome, Status
from worker.redis_server.scripts import Reply, ScriptCall

EVERY_LANE = tuple(Lane)


def read_status(reply: Reply) -> Status:
    """Parse a reply that is a status."""
    return Status(reply[0])


def claim(
    worker: str,
    attempt_id: str,
    devices: int = 1,
    lanes: Sequence[Lane] = EVERY_LANE,
    except_ids: Collection[str] = (),
) -> ScriptCall[Claimed | None]:
    """Claim the next item that may run now and needs at most `devices` devices; None when there is none.

    Args:
        worker: id of the worker.
        attempt_id: id of the new attempt.
        devices: number of the worker's devices.
        lanes: the lanes that the worker serves, the first one first.
        except_ids: items that the worker could not read.

    Raises:
        ClaimUnreadableError: the item was claimed, but it was written by another version of Ninefold.
    """
    arguments = {
        "worker": json.dumps(worker),
        "attempt_id": attempt_id,
        "devices": devices,
        "lanes": list(lanes),
        "schema_version": SCHEMA_VERSION,
        "except": sorted(except_ids),
    }
    return QUEUE_SCRIPTS.call("attempts/claim", arguments, read_claimed)


def renew(item_id: str, attempt_id: str) -> ScriptCall[Flags]:
    """Renew the lease of an attempt and read the requests of the item's owner.

    Raises:
        StaleAttemptError: the attempt no longer holds the item.
    """
    return QUEUE_SCRIPTS.call("attempts/renew", {"item_id": item_id, "attempt_id": attempt_id}, _read_flags)


def _read_flags(reply: Reply) -> Flags:
    status = read_status(reply)
    return Flags(
        cancel=status is Status.CANCELLING, pause=status is Status.PAUSING, stop=status is Status.STOPPING
    )


def report(item_id: str, attempt_id: str, seq: int, content: Report) -> ScriptCall[Flags]:
    """Report progress and renew the lease; returns the requests of the item's owner.

    `seq` is the number of the report; of a report that was applied before nothing but the renewal counts.

    Raises:
        StaleAttemptError: the attempt no longer holds the item.
    """
    arguments: dict[str, object] = {
        "item_id": item_id,
        "attempt_id": attempt_id,
        "seq": seq,
        "progress": content.progress and content.progress.model_dump_json(),
    }
    if content == type(content)(progress=content.progress):
        return QUEUE_SCRIPTS.call("attempts/progress", arguments, _read_flags)
    arguments |= {"phase": content.phase, "log_lines": [json.dumps(line) for line in content.log_lines]}
    if isinstance(content, TrainingReport):
        return QUEUE_SCRIPTS.call("training/report", arguments | _training_arguments(content), _read_flags)
    return QUEUE_SCRIPTS.call("attempts/report", arguments, _read_flags)


def _training_arguments(content: TrainingReport) -> dict[str, object]:
    checkpoint = content.checkpoint
    return {
        "rewind_to_epoch": content.rewind_to_epoch,
        "checkpoint": checkpoint
        and {"epoch": checkpoint.epoch, "step": checkpoint.step, "json": checkpoint.model_dump_json()},
        "rows": [{"epoch": row.epoch, "json": row.model_dump_json()} for row in content.rows],
        "bests": [{"epoch": best.epoch, "json": best.model_dump_json()} for best in content.bests],
    }


def finish(
    item_id: str, attempt_id: str, outcome: Outcome, error: JobError | None = None
) -> ScriptCall[Status]:
    """End the item without a result: failed (with `error`) or cancelled. The end with a result is of the kind.

    Raises:
        StaleAttemptError: the attempt no longer holds the item.
        WrongStateError: the item's status does not allow this outcome.
    """
    arguments = {
        "item_id": item_id,
        "attempt_id": attempt_id,
        "outcome": outcome,
        "error": error and error.model_dump_json(),
    }
    return QUEUE_SCRIPTS.call("attempts/finish", arguments, read_status)


def requeue(item_id: str, attempt_id: str, outcome: Outcome, detail: str = "") -> ScriptCall[Status]:
    """End the attempt but not the item: queue the item at its former position, or pause or cancel it as requested.

    After too many deaths the item fails.

    Once a model is committed, the job waits before its next try to publish, and fails after too many tries.

    Raises:
        StaleAttemptError: the attempt no longer holds the item.
    """
    return _release(item_id, attempt_id, outcome, None, detail)


def reap(item_id: str, attempt_id: str, renewals: int) -> ScriptCall[Status]:
    """End an attempt whose worker has stopped renewing the lease after `renewals` renewals.

    Raises:
        StaleAttemptError: the attempt has renewed its lease, or no longer holds the item.
    """
    return _release(
        item_id, attempt_id, Outcome.WORKER_LOST, renewals, "The worker stopped renewing its lease."
    )


_DEATHS_OF = {
    Kind.TRAINING: "attempts in a row died without a new checkpoint",
    Kind.DATASET_IMPORT: "attempts to import the dataset died",
    Kind.EVALUATION: "attempts to evaluate the model died",
    Kind.MODEL_IMPORT: "attempts to read the bundle died",
    Kind.BATCH_PREDICTION: "attempts in a row died without a new image classified",
}
"""Why an item of each kind fails after too many deaths. Attempts at trainings and batch predictions continue earlier ones."""


def _release(
    item_id: str, attempt_id: str, outcome: Outcome, renewals: int | None, detail: str
) -> ScriptCall[Status]:
    death_errors = {
        kind: JobError(
            code=f"{outcome}_repeatedly", message=f"{DEATHS_ALLOWED} {what_died}. {detail}".strip()
        ).model_dump_json()
        for kind, what_died in _DEATHS_OF.items()
    }
    publish_error = JobError(
        code="storage_unavailable",
        message=f"The model could not be published in {PUBLISH_TRIES_ALLOWED} tries. {detail}".strip(),
    )
    arguments = {
        "item_id": item_id,
        "attempt_id": attempt_id,
        "outcome": outcome,
        "renewals": renewals,
        "death_errors": death_errors,
        "publish_error": publish_error.model_dump_json(),
    }
    return QUEUE_SCRIPTS.call("attempts/release", arguments, read_status)
