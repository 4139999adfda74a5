"""Supervises an attempt whose child process does all the work: the worker records the result, or why there is none."""

import logging
from abc import abstractmethod

from model.errors import StorageError
from model.host.failpoints import Failpoint, reach
from model.storage.opening import open_storage
from worker.attempt.context import WorkerContext
from worker.attempt.ending import AttemptEnding
from worker.attempt.exit_classification import AttemptEnd
from worker.attempt.messages import FinalMessage
from worker.attempt.outbox import Outbox
from worker.attempt.repeatable_child import RepeatableChild
from worker.attempt.supervisor import Supervisor
from worker.errors import ModelNotFoundError, WrongStateError
from worker.queue.attempt_messages import Claimed
from worker.queue.states import TERMINAL, Outcome
from worker.redis_server.projects import storage_url

_log = logging.getLogger(__name__)


class OneChildSupervisor(Supervisor):
    """Runs one attempt at an item that needs a published model."""

    code_too_slow = "too_slow"
    too_slow = ""
    """The error of an attempt that took longer than its child may."""
    model_gone: str
    """The error when the model was deleted meanwhile."""

    def __init__(
        self, context: WorkerContext, claimed: Claimed, attempt_id: str, *, claim_sent_at: float
    ) -> None:
        """`claim_sent_at` is the lease clock before the claim was sent: the first lease counts from there."""
        super().__init__(context, claimed, attempt_id, Outbox(), claim_sent_at=claim_sent_at)
        self._storage_url = storage_url(context.storage_url, claimed.project)
        self._ending = AttemptEnding(context, claimed, attempt_id)

    @abstractmethod
    def _spawn(self) -> RepeatableChild:
        """Start the child process."""

    @abstractmethod
    def _record(self, result: FinalMessage) -> None:
        """Record the success of the item; raises ModelNotFoundError or WrongStateError."""

    @abstractmethod
    def _leftovers(self, outcome: Outcome) -> list[str]:
        """Return the keys and folders in storage that nothing needs after this end of the item."""

    def _work(self) -> Outcome:
        if self._context.drain.is_requested:
            return self._ending.requeue(AttemptEnd(Outcome.DRAINED))
        outcome = self._run_child()
        if outcome in (Outcome.SUCCEEDED, Outcome.FAILED, Outcome.CANCELLED):
            self._delete(self._leftovers(outcome))
        return outcome

    def _run_child(self) -> Outcome:
        child = self._spawn()
        end, final_message = self._supervise(child)
        self._has_begun = child.has_begun
        if child.is_too_slow:
            return self._fail(self.code_too_slow, self.too_slow)
        if final_message is not None and end.outcome is Outcome.SUCCEEDED:
            return self._succeed(final_message)
        if end.error_code == ModelNotFoundError.code:
            return self._fail(ModelNotFoundError.code, self.model_gone)
        if end.error_code == StorageError.code:  # another attempt may succeed
            end = AttemptEnd(Outcome.CRASHED, end.message)
        if end.outcome in (Outcome.LEASE_LOST, Outcome.FAILED, Outcome.CANCELLED):
            return self._ending.end_without_result(end)
        if self._ending.release(end) in TERMINAL:  # it died too often, or is cancelled
            self._delete(self._leftovers(Outcome.FAILED))
        return end.outcome

    def _succeed(self, final_message: FinalMessage) -> Outcome:
        try:
            self._ending.retry(lambda: self._record(final_message))
        except ModelNotFoundError:
            return self._fail(ModelNotFoundError.code, self.model_gone)
        except WrongStateError:  # it is being cancelled
            return self._ending.finish(AttemptEnd(Outcome.CANCELLED))
        reach(Failpoint.FINISH_RECORDED)
        return Outcome.SUCCEEDED

    def _fail(self, code: str, message: str) -> Outcome:
        return self._ending.finish(AttemptEnd(Outcome.FAILED, message, code))

    def _delete(self, keys: list[str]) -> None:
        for key in keys:
            try:
                open_storage(self._storage_url).delete(key)
            except StorageError as error:
                _log.warning("could not delete %s; `ninefold gc` removes it later: %s", key, error)
