"""The Lua scripts of the queue: the shared functions, the tables and the refusals that they are given."""

from worker import errors
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
from worker.redis_server import keys as redis_keys
from worker.redis_server.scripts import ScriptFolder, lua_set, lua_table

JOB_EVENTS_KEPT = 10_000
FEED_EVENTS_KEPT = 20_000
LOG_LINES_KEPT = 2_000


def _texts(facts: dict[str, str]) -> str:
    return lua_table({name: f"'{value}'" for name, value in facts.items()})


_KIND_FACTS = {
    Kind.TRAINING: {
        "object": "job",
        "subject": "job_id",
        "list": redis_keys.JOBS,
        "by_status": redis_keys.JOBS_BY_STATUS,
    },
    Kind.DATASET_IMPORT: {
        "object": "dataset_import",
        "subject": "dataset_id",
        "list": redis_keys.IMPORTS,
        "by_status": redis_keys.IMPORTS_BY_STATUS,
    },
}
"""For each kind: the name of its objects, the field of its events that holds the id, and its indexes."""
_LANE_FACTS = {
    Lane.TRAINING: {
        "queue": redis_keys.QUEUE,
        "wake_ups": redis_keys.WAKE_UPS,
        "claimers": redis_keys.CLAIMERS_EXPIRE,
    },
    Lane.LIGHT: {
        "queue": redis_keys.LIGHT_QUEUE,
        "wake_ups": redis_keys.LIGHT_WAKE_UPS,
        "claimers": redis_keys.LIGHT_CLAIMERS_EXPIRE,
    },
}

QUEUE_SCRIPTS = ScriptFolder(
    path="queue/lua",
    tables={
        "TRANSITIONS": lua_table({status: lua_set(successors) for status, successors in TRANSITIONS.items()}),
        "TERMINAL": lua_set(TERMINAL),
        "HELD": lua_set(HELD),
        "DEATHS": lua_set(DEATHS),
        "KINDS": lua_table(
            {kind: _texts({"lane": LANES[kind], **facts}) for kind, facts in _KIND_FACTS.items()}
        ),
        "LANES": lua_table({lane: _texts(facts) for lane, facts in _LANE_FACTS.items()}),
    },
    constants={
        "LIMIT.DEATHS": DEATHS_ALLOWED,
        "LIMIT.PUBLISH_TRIES": PUBLISH_TRIES_ALLOWED,
        "LIMIT.FIRST_PUBLISH_DELAY_S": FIRST_PUBLISH_DELAY_S,
        "LIMIT.MAX_PUBLISH_DELAY_S": MAX_PUBLISH_DELAY_S,
        "LIMIT.JOB_EVENTS": JOB_EVENTS_KEPT,
        "LIMIT.FEED_EVENTS": FEED_EVENTS_KEPT,
        "LIMIT.LOG_LINES": LOG_LINES_KEPT,
    },
    applied_once=frozenset(
        (
            "training/submit",
            "training/stop",
            "imports/submit",
            "requests/cancel",
            "requests/pause",
            "requests/resume",
            "requests/delete",
        )
    ),
    refusals=(
        errors.DatasetNameTakenError,
        errors.IdempotencyMismatchError,
        errors.ImportEndedError,
        errors.JobCancelledError,
        errors.JobNotFoundError,
        errors.NothingCommittedError,
        errors.NothingToPublishError,
        errors.PublishCommittedError,
        errors.QueueFullError,
        errors.StaleAttemptError,
        errors.WrongStateError,
    ),
)
