"""The Lua scripts of the queue: the shared functions, the tables and the refusals that they are given."""

from worker import errors
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

QUEUE_SCRIPTS = ScriptFolder(
    path="queue/lua",
    tables={
        "TRANSITIONS": lua_table({status: lua_set(successors) for status, successors in TRANSITIONS.items()}),
        "TERMINAL": lua_set(TERMINAL),
        "HELD": lua_set(HELD),
        "DEATHS": lua_set(DEATHS),
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
        f"requests/{name}" for name in ("submit", "cancel", "stop", "pause", "resume", "delete")
    ),
    refusals=(
        errors.IdempotencyMismatchError,
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
