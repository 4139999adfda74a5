"""Writes the end of an attempt at a job: the model is published, or the job ends or returns to the queue."""

import logging

from model.bundle.epochs import MOST_EPOCHS
from model.errors import StorageError
from model.host.failpoints import Failpoint, reach
from model.storage.interface import Storage
from worker.attempt.checkpoints import AttemptCheckpoints
from worker.attempt.context import WorkerContext
from worker.attempt.ending import AttemptEnding
from worker.attempt.exit_classification import AttemptEnd
from worker.errors import JobCancelledError
from worker.kinds.training.messages import Staged
from worker.kinds.training.origin import find_origin
from worker.kinds.training.publishing import complete_draft, complete_publish, find_ancestry, store_epochs
from worker.kinds.training.reproduction import compare_with_original
from worker.queue.attempt_messages import ClaimedJob, Committed
from worker.queue.states import Outcome, Status
from worker.registry.deletion import finish_deletions
from worker.registry.model_registry import ModelRegistry
from worker.registry.training_states import delete_other_states

_log = logging.getLogger(__name__)


class TrainingEnding(AttemptEnding):
    """Ends one attempt at a job."""

    def __init__(
        self,
        context: WorkerContext,
        claimed: ClaimedJob,
        attempt_id: str,
        *,
        model_id: str,
        storage: Storage,
        checkpoints: AttemptCheckpoints,
    ) -> None:
        super().__init__(context, claimed, attempt_id)
        self._claimed = claimed
        self._model_id = model_id
        self._storage = storage
        self._checkpoints = checkpoints

    def publish(self, staged: Staged) -> Outcome:
        """Pass the commit point with the staged model, then complete the publish."""
        reach(Failpoint.PUBLISH_BEGUN)
        rows = self.retry(
            lambda: self._store.rows(self._item_id, limit=MOST_EPOCHS, project=self._claimed.project)
        )
        with_epochs = store_epochs(staged.draft, rows, self._storage, self._model_id)
        ancestry = find_ancestry(self._claimed.spec, self._storage)
        origin = self.retry(
            lambda: find_origin(self._store.redis, staged.draft.dataset.id, self._claimed.project)
        )
        draft = complete_draft(
            with_epochs, self._claimed, self._model_id, ancestry, self._storage, origin=origin
        )
        try:
            rerun = self.retry(
                lambda: compare_with_original(self._store, self._storage, self._claimed, draft)
            )
            committed = self.retry(
                lambda: self._store.commit_publish(self._item_id, self._attempt_id, draft, rerun)
            )
        except JobCancelledError:
            return self.end_without_result(AttemptEnd(Outcome.CANCELLED))
        reach(Failpoint.PUBLISH_COMMITTED)
        return self.complete_publish(committed)

    def complete_publish(self, committed: Committed) -> Outcome:
        """Write the manifest of a committed model and end the job."""
        try:
            complete_publish(
                self._store,
                self._storage,
                self._item_id,
                self._attempt_id,
                committed,
                gate=self._claimed.gate,
                project=self._claimed.project,
                may_wait=self._may_wait,
            )
        except StorageError as error:
            return self._try_later(error)
        self._checkpoints.delete_all()
        self._delete_states(except_of=committed.manifest["id"])
        return Outcome.SUCCEEDED

    def _try_later(self, error: StorageError) -> Outcome:
        """Return the job to the queue for a later try to publish; after the last try the job has failed."""
        end = AttemptEnd(Outcome.CRASHED, f"The model's manifest could not be written: {error}")
        _log.warning("%s, attempt %s: %s", self._item_id, self._attempt_number, end.message)
        status = self.release(end)
        if status is Status.FAILED:
            finish_deletions(ModelRegistry(self._store.redis), self._storage)
        return end.outcome

    def end_without_result(self, end: AttemptEnd) -> Outcome:
        """Delete the staged files, then finish or requeue the job; a lost lease changes no record."""
        self._delete_staged_model()
        return super().end_without_result(end)

    def finish(self, end: AttemptEnd) -> Outcome:
        """End the job, and delete its checkpoints."""
        outcome = super().finish(end)
        self._checkpoints.delete_all()
        self._delete_states(except_of=None)
        return outcome

    def _delete_states(self, except_of: str | None) -> None:
        """Delete the training states of attempts that published no model; nothing continues from them."""
        try:
            delete_other_states(self._storage, self._item_id, except_of)
        except StorageError as error:
            _log.warning(
                "could not delete training states of %s: they are deleted later: %s", self._item_id, error
            )

    def _delete_staged_model(self) -> None:
        """Delete the files that the trainer staged: they were not committed, so they can never become a model."""
        try:
            self._storage.delete(f"models/{self._model_id}")
        except StorageError as error:
            _log.warning(
                "could not delete staged model %s; `ninefold gc` removes it later: %s", self._model_id, error
            )
