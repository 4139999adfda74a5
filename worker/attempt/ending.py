"""Writes the end of an attempt to the record: the item ends, or it returns to the queue. Retries while Redis is away."""

from collections.abc import Callable
from typing import TypeVar

from model.host.failpoints import Failpoint, reach
from worker.attempt.context import WorkerContext
from worker.attempt.exit_classification import AttemptEnd
from worker.queue.attempt_messages import Claimed
from worker.queue.records import JobError
from worker.queue.states import Outcome, Status
from worker.redis_server.retry import retry_while_unavailable

T = TypeVar("T")


class AttemptEnding:
    """Ends one attempt. Each method retries while Redis is unreachable, and returns the outcome that was recorded.

    Raises:
        StaleAttemptError: another attempt holds the item.
        StoreUnavailableError: Redis is unreachable, and the worker must end.
    """

    def __init__(self, context: WorkerContext, claimed: Claimed, attempt_id: str) -> None:
        self._store = context.store
        self._may_wait = context.may_wait
        self._item_id = claimed.item_id
        self._attempt_number = claimed.attempt_number
        self._attempt_id = attempt_id

    def end_without_result(self, end: AttemptEnd) -> Outcome:
        """Finish or requeue the item; a lost lease changes no record."""
        match end.outcome:
            case Outcome.LEASE_LOST:
                return end.outcome
            case Outcome.FAILED | Outcome.CANCELLED:
                return self.finish(end)
            case _:
                return self.requeue(end)

    def requeue(self, end: AttemptEnd) -> Outcome:
        """Return the item to the queue."""
        self.release(end)
        return end.outcome

    def release(self, end: AttemptEnd) -> Status:
        """Return the item to the queue, and return its new status."""
        return self.retry(
            lambda: self._store.requeue(self._item_id, self._attempt_id, end.outcome, end.message)
        )

    def finish(self, end: AttemptEnd) -> Outcome:
        """End the item: failed with an error, or cancelled."""
        error = JobError(code=end.error_code, message=end.message) if end.error_code else None
        self.retry(lambda: self._store.finish(self._item_id, self._attempt_id, end.outcome, error))
        reach(Failpoint.FINISH_RECORDED)
        return end.outcome

    def retry(self, call: Callable[[], T]) -> T:
        """Repeat a call while Redis is unreachable and the worker may wait."""
        return retry_while_unavailable(call, self._may_wait)
