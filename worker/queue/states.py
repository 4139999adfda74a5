"""The states of a work item, the one table of allowed changes, and the outcomes of an attempt. Knows no Redis."""

from collections.abc import Mapping
from enum import StrEnum


class Status(StrEnum):
    """The status of a work item."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"
    STOPPING = "stopping"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


TRANSITIONS: Mapping[Status, Mapping[Status, str]] = {
    Status.QUEUED: {
        Status.RUNNING: "claimed",
        Status.STOPPING: "claimed after a stop",
        Status.PAUSED: "pause",
        Status.CANCELLED: "cancel",
        Status.FAILED: "the dataset it waited for was rejected",
    },
    Status.RUNNING: {
        Status.QUEUED: "worker lost or drained",
        Status.PAUSING: "pause",
        Status.STOPPING: "stop",
        Status.CANCELLING: "cancel",
        Status.SUCCEEDED: "published",
        Status.FAILED: "error, or too many deaths",
    },
    Status.PAUSING: {
        Status.PAUSED: "checkpoint saved",
        Status.QUEUED: "worker lost after the commit of its model",
        Status.STOPPING: "stop",
        Status.CANCELLING: "cancel",
        Status.SUCCEEDED: "published before it could pause",
        Status.FAILED: "error, or too many deaths",
    },
    Status.PAUSED: {
        Status.QUEUED: "resume, or stop",
        Status.CANCELLED: "cancel",
        Status.FAILED: "the dataset it waited for was rejected",
    },
    Status.STOPPING: {
        Status.QUEUED: "worker lost or drained",
        Status.CANCELLING: "cancel",
        Status.SUCCEEDED: "best so far published",
        Status.FAILED: "error, or too many deaths",
    },
    Status.CANCELLING: {Status.CANCELLED: "trainer ended"},
    Status.SUCCEEDED: {},
    Status.FAILED: {},
    Status.CANCELLED: {},
}
"""The state machine of all work: status → allowed next status → its cause. The Lua scripts read the same table."""

TERMINAL = frozenset(status for status, successors in TRANSITIONS.items() if not successors)

HELD = frozenset({Status.RUNNING, Status.PAUSING, Status.STOPPING, Status.CANCELLING})
"""In these states an attempt holds the item."""


class Phase(StrEnum):
    """The phase of a running job or import."""

    STARTING = "starting"
    PREPARING_DATA = "preparing_data"
    TRAINING = "training"
    EVALUATING = "evaluating"
    PREDICTING = "predicting"
    """A batch prediction classifies its images."""
    PUBLISHING = "publishing"
    READING = "reading"
    """An import reads and checks the images of its upload."""
    STORING = "storing"
    """An import stores the images as a dataset."""


class Outcome(StrEnum):
    """How an attempt ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    STOPPED = "stopped"
    PAUSED = "paused"
    DRAINED = "drained"
    CRASHED = "crashed"
    STALLED = "stalled"
    OUT_OF_MEMORY = "out_of_memory"
    WORKER_LOST = "worker_lost"
    LEASE_LOST = "lease_lost"


DEATHS = frozenset({Outcome.CRASHED, Outcome.STALLED, Outcome.OUT_OF_MEMORY, Outcome.WORKER_LOST})
"""Outcomes that count as a death of the attempt. The other outcomes never fail a job by repetition."""

DEATHS_ALLOWED = 3
"""An item fails after this many deaths in a row without a new checkpoint."""


PUBLISH_TRIES_ALLOWED = 20
"""A job whose model is committed fails after this many tries to write the manifest: about an hour."""

FIRST_PUBLISH_DELAY_S = 1
MAX_PUBLISH_DELAY_S = 300
"""The delay before the next try doubles from the first delay up to this one; other jobs run meanwhile."""


class QueuedReason(StrEnum):
    """Why a queued item does not run yet."""

    NO_WORKER = "no_worker"
    NO_MATCHING_WORKER = "no_matching_worker"
    """No live worker has as many devices as the job needs."""
    STARTING = "starting"
    """The item is the first of its lane, and an idle worker is about to take it."""
    BEHIND_OTHER_JOBS = "behind_other_jobs"
    """Other items are before it in the queue, or all workers of its lane are busy."""
    WAITING_FOR_DATASET = "waiting_for_dataset"
    """The import of the job's dataset has not ended."""
