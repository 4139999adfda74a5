"""Every step at which the chaos tests make a process die, freeze or fail. In production `reach` does nothing.

No setting and no variable arms a failpoint: only a test's own entry point can (tests/chaos).
"""

from collections.abc import Callable
from enum import StrEnum


class Failpoint(StrEnum):
    """A step of a job's life, named by what has just happened."""

    # submit, in the API
    SUBMIT_RESOLVED = "submit.resolved"
    SUBMIT_RECORDED = "submit.recorded"
    SUBMIT_WAKE_UP_SENT = "submit.wake_up_sent"
    # claim, in the worker
    CLAIM_BEGUN = "claim.begun"
    CLAIM_RECORDED = "claim.recorded"
    CLAIM_TRAINER_STARTED = "claim.trainer_started"
    # renew, in the worker
    RENEW_DUE = "renew.due"
    RENEW_RECORDED = "renew.recorded"
    # checkpoint: put and said by the trainer, recorded by the worker
    CHECKPOINT_DUE = "checkpoint.due"
    CHECKPOINT_PUT = "checkpoint.put"
    CHECKPOINT_REPORTED = "checkpoint.reported"
    CHECKPOINT_RECORDED = "checkpoint.recorded"
    # an object on its way into storage, in whichever process puts it
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
    # finish, in the worker
    FINISH_RECORDED = "finish.recorded"
    # reap, in workers and APIs
    REAP_DUE = "reap.due"
    REAP_RECORDED = "reap.recorded"
    REAP_WAKE_UP_SENT = "reap.wake_up_sent"


_act: Callable[[Failpoint], None] | None = None


def reach(failpoint: Failpoint) -> None:
    """Say that this process has come so far."""
    if _act is not None:
        _act(failpoint)


def arm(act: Callable[[Failpoint], None]) -> None:
    """Have this process do something at each failpoint from now on; for tests alone."""
    global _act  # noqa: PLW0603  # one process, one nemesis
    _act = act
