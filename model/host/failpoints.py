"""Named steps at which the chaos tests kill, freeze or fail a process. In production `reach` does nothing.

No setting and no environment variable arms a failpoint: only the entry points in tests/chaos call `arm`.
"""

from collections.abc import Callable
from enum import StrEnum


class Failpoint(StrEnum):
    """A step of the work on an item, named after the event that has just happened."""

    # submit, in the API
    SUBMIT_RESOLVED = "submit.resolved"
    SUBMIT_RECORDED = "submit.recorded"
    SUBMIT_WAKE_UP_SENT = "submit.wake_up_sent"
    # claim, in the worker
    CLAIM_BEGUN = "claim.begun"
    CLAIM_RECORDED = "claim.recorded"
    CLAIM_CHILD_STARTED = "claim.child_started"
    # renew, in the worker
    RENEW_DUE = "renew.due"
    RENEW_RECORDED = "renew.recorded"
    # checkpoint: stored and reported by the trainer, recorded by the worker
    CHECKPOINT_DUE = "checkpoint.due"
    CHECKPOINT_PUT = "checkpoint.put"
    CHECKPOINT_REPORTED = "checkpoint.reported"
    CHECKPOINT_RECORDED = "checkpoint.recorded"
    # put of an object into storage, in any process
    PUT_BEGUN = "put.begun"
    PUT_WRITTEN = "put.written"
    PUT_SYNCED = "put.synced"
    PUT_LINKED = "put.linked"
    PUT_DURABLE = "put.durable"
    # publish: staged by the trainer, committed by the worker
    PUBLISH_STAGED = "publish.staged"
    PUBLISH_BEGUN = "publish.begun"
    PUBLISH_COMMITTED = "publish.committed"
    PUBLISH_WRITTEN = "publish.written"
    # import: read by the child process, its dataset put into storage by the worker
    IMPORT_READ = "import.read"
    IMPORT_STORED = "import.stored"
    IMPORT_SETTLED = "import.settled"
    # evaluation: some images are predicted by the child process
    EVALUATION_PREDICTED = "evaluation.predicted"
    # batch prediction: the rows of some images are stored by the child process
    PREDICTION_PART_STORED = "prediction.part_stored"
    # finish, in the worker
    FINISH_RECORDED = "finish.recorded"
    # reap, in any API process or worker
    REAP_DUE = "reap.due"
    REAP_RECORDED = "reap.recorded"
    REAP_WAKE_UP_SENT = "reap.wake_up_sent"


_act: Callable[[Failpoint], None] | None = None


def reach(failpoint: Failpoint) -> None:
    """Report that this process has reached a failpoint."""
    if _act is not None:
        _act(failpoint)


def arm(act: Callable[[Failpoint], None]) -> None:
    """Call `act` at each failpoint that this process reaches from now on. Only for tests."""
    global _act  # noqa: PLW0603  # one action per process
    _act = act
