"""The Lua scripts of the queue: the shared functions, the tables and the refusals that they are given."""

from worker import errors
from worker.queue.kind_keys import BY_STATUS, CLAIMERS, LISTS, QUEUES, WAKE_UPS
from worker.queue.kinds import LANES, Kind, Lane
from worker.queue.states import (
    DEATHS,
    DEATHS_ALLOWED,
    FIRST_PUBLISH_DELAY_S,
    HELD,
    MAX_PUBLISH_DELAY_S,
    PUBLISH_TRIES_ALLOWED,
    TERMINAL,
    TRANSITIONS,
)
from worker.redis_server.scripts import ScriptFolder, lua_set, lua_table

JOB_EVENTS_KEPT = 10_000
FEED_EVENTS_KEPT = 20_000
LOG_LINES_KEPT = 2_000
PACKED_BYTES = 2**20
"""A larger history is not packed: reading it would hold Redis up, and each page of its events is found by unpacking all."""


def _texts(facts: dict[str, str]) -> str:
    return lua_table({name: f"'{value}'" for name, value in facts.items()})


_OBJECTS = {
    Kind.TRAINING: "job",
    Kind.DATASET_IMPORT: "dataset_import",
    Kind.EVALUATION: "evaluation_run",
    Kind.MODEL_IMPORT: "model_import",
    Kind.BATCH_PREDICTION: "batch_prediction",
}
"""The name of a kind's objects in JSON."""
_SUBJECTS = {
    Kind.TRAINING: "job_id",
    Kind.DATASET_IMPORT: "dataset_id",
    Kind.EVALUATION: "evaluation_id",
    Kind.MODEL_IMPORT: "model_import_id",
    Kind.BATCH_PREDICTION: "prediction_id",
}
"""The field of a kind's events that holds the id."""


def _kind_facts(kind: Kind) -> str:
    return _texts(
        {
            "lane": LANES[kind],
            "object": _OBJECTS[kind],
            "subject": _SUBJECTS[kind],
            "list": LISTS[kind],
            "by_status": BY_STATUS[kind],
        }
    )


def _lane_facts(lane: Lane) -> str:
    return _texts({"queue": QUEUES[lane], "wake_ups": WAKE_UPS[lane], "claimers": CLAIMERS[lane]})


QUEUE_SCRIPTS = ScriptFolder(
    path="queue/lua",
    tables={
        "TRANSITIONS": lua_table({status: lua_set(successors) for status, successors in TRANSITIONS.items()}),
        "TERMINAL": lua_set(TERMINAL),
        "HELD": lua_set(HELD),
        "DEATHS": lua_set(DEATHS),
        "KINDS": lua_table({kind: _kind_facts(kind) for kind in Kind}),
        "LANES": lua_table({lane: _lane_facts(lane) for lane in Lane}),
    },
    constants={
        "LIMIT.DEATHS": DEATHS_ALLOWED,
        "LIMIT.PUBLISH_TRIES": PUBLISH_TRIES_ALLOWED,
        "LIMIT.FIRST_PUBLISH_DELAY_S": FIRST_PUBLISH_DELAY_S,
        "LIMIT.MAX_PUBLISH_DELAY_S": MAX_PUBLISH_DELAY_S,
        "LIMIT.JOB_EVENTS": JOB_EVENTS_KEPT,
        "LIMIT.FEED_EVENTS": FEED_EVENTS_KEPT,
        "LIMIT.LOG_LINES": LOG_LINES_KEPT,
        "LIMIT.PACKED_BYTES": PACKED_BYTES,
    },
    applied_once=frozenset(
        (
            "training/submit",
            "training/stop",
            "imports/submit",
            "evaluations/submit",
            "model_imports/submit",
            "batch_predictions/submit",
            "requests/cancel",
            "requests/pause",
            "requests/resume",
            "requests/delete",
            "uploads/delete",
        )
    ),
    refusals=(
        errors.AliasMovedError,
        errors.DatasetBeingDeletedError,
        errors.DatasetNameTakenError,
        errors.DatasetNotFoundError,
        errors.DatasetUnchangedError,
        errors.IdempotencyMismatchError,
        errors.ImportEndedError,
        errors.JobCancelledError,
        errors.JobNotFoundError,
        errors.ModelNotFoundError,
        errors.NothingCommittedError,
        errors.NothingToPublishError,
        errors.ParentDeletedError,
        errors.PublishCommittedError,
        errors.QueueFullError,
        errors.StaleAttemptError,
        errors.TooManyPartsError,
        errors.UploadNotFoundError,
        errors.WrongOffsetError,
        errors.WrongStateError,
    ),
)
