"""Writes the end of an attempt to the job record: the model is published, or the job ends or returns to the queue."""

import logging
from collections.abc import Callable
from typing import TypeVar

from model.errors import StorageError
from model.host.failpoints import Failpoint, reach
from model.storage.interface import Storage
from worker.attempt.checkpoints import AttemptCheckpoints
from worker.errors import JobCancelledError
from worker.kinds.training.exit_classification import AttemptEnd
from worker.kinds.training.messages import Staged
from worker.kinds.training.publishing import complete_draft, complete_publish
from worker.kinds.training.worker_context import WorkerContext
from worker.queue.attempt_messages import Claimed, Committed
from worker.queue.records import JobError
from worker.queue.states import Outcome, Status
from worker.redis_server.retry import retry_while_unavailable
from worker.registry.deletion import finish_deletions
from worker.registry.model_registry import ModelRegistry

_log = logging.getLogger(__name__)

T = TypeVar("T")


class AttemptEnding:
    """Ends one attempt. Each method retries while Redis is unreachable, and returns the outcome that was recorded.

    Raises:
        StaleAttemptError: another attempt holds the job.
        StoreUnavailableError: Redis is unreachable, and the worker must end.
    """

    def __init__(
        self,
        context: WorkerContext,
        claimed: Claimed,
        attempt_id: str,
        *,
        model_id: str,
        storage: Storage,
        checkpoints: AttemptCheckpoints,
    ) -> None:
        self._store = context.store
        self._may_wait = context.may_wait
        self._claimed = claimed
        self._job_id = claimed.job_id
        self._attempt_id = attempt_id
        self._model_id = model_id
        self._storage = storage
        self._checkpoints = checkpoints

    def publish(self, staged: Staged) -> Outcome:
        """Pass the commit point with the staged model, then complete the publish."""
        reach(Failpoint.PUBLISH_BEGUN)
        draft = complete_draft(staged.draft, self._claimed, self._model_id)
        try:
            committed = self._retry(lambda: self._store.commit_publish(self._job_id, self._attempt_id, draft))
        except JobCancelledError:
            return self.end_without_model(AttemptEnd(Outcome.CANCELLED))
        reach(Failpoint.PUBLISH_COMMITTED)
        return self.complete_publish(committed)

    def complete_publish(self, committed: Committed) -> Outcome:
        """Write the manifest of a committed model and end the job."""
        try:
            complete_publish(
                self._store,
                self._storage,
                self._job_id,
                self._attempt_id,
                committed,
                may_wait=self._may_wait,
            )
        except StorageError as error:
            return self._try_later(error)
        self._checkpoints.delete_all()
        return Outcome.SUCCEEDED

    def _try_later(self, error: StorageError) -> Outcome:
        """Return the job to the queue for a later try to publish; after the last try the job has failed."""
        end = AttemptEnd(Outcome.CRASHED, f"The model's manifest could not be written: {error}")
        _log.warning("job %s, attempt %s: %s", self._job_id, self._claimed.attempt_number, end.message)
        status = self._release(end)
        if status is Status.FAILED:
            finish_deletions(ModelRegistry(self._store.redis), self._storage)
        return end.outcome

    def end_without_model(self, end: AttemptEnd) -> Outcome:
        """Delete the staged files, then finish or requeue the job; a lost lease changes no record."""
        self._delete_staged_model()
        match end.outcome:
            case Outcome.LEASE_LOST:
                return end.outcome
            case Outcome.FAILED | Outcome.CANCELLED:
                return self._finish(end)
            case _:
                return self.requeue(end)

    def requeue(self, end: AttemptEnd) -> Outcome:
        """Return the job to the queue."""
        self._release(end)
        return end.outcome

    def _release(self, end: AttemptEnd) -> Status:
        return self._retry(
            lambda: self._store.requeue(self._job_id, self._attempt_id, end.outcome, end.message)
        )

    def _finish(self, end: AttemptEnd) -> Outcome:
        error = JobError(code=end.error_code, message=end.message) if end.error_code else None
        self._retry(lambda: self._store.finish(self._job_id, self._attempt_id, end.outcome, error))
        self._checkpoints.delete_all()
        return end.outcome

    def _delete_staged_model(self) -> None:
        """Delete the files that the trainer staged: they were not committed, so they can never become a model."""
        try:
            self._storage.delete(f"models/{self._model_id}")
        except StorageError as error:
            _log.warning(
                "could not delete staged model %s; `ninefold gc` removes it later: %s", self._model_id, error
            )

    def _retry(self, call: Callable[[], T]) -> T:
        return retry_while_unavailable(call, self._may_wait)
