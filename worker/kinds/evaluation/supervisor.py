"""Supervises one attempt at an evaluation: a process predicts and stores the result, the worker records it."""

import logging

from model.errors import StorageError
from model.host.failpoints import Failpoint, reach
from model.storage.opening import open_storage
from worker.attempt.ending import AttemptEnding
from worker.attempt.exit_classification import AttemptEnd
from worker.attempt.outbox import Outbox
from worker.attempt.supervisor import Supervisor
from worker.errors import ModelNotFoundError, WrongStateError
from worker.kinds.evaluation.context import EvaluationContext
from worker.kinds.evaluation.messages import Evaluated
from worker.kinds.evaluation.running_evaluation import RunningEvaluation
from worker.queue.attempt_messages import ClaimedEvaluation
from worker.queue.ids import evaluation_file
from worker.queue.records import EvaluationResult
from worker.queue.states import Outcome
from worker.redis_server.projects import storage_url

_log = logging.getLogger(__name__)

_TOO_SLOW = "The evaluation took too long: use fewer images, or raise NINEFOLD_EVALUATION_TIMEOUT_S."
_MODEL_GONE = "The model was deleted before its evaluation ended."


class EvaluationSupervisor(Supervisor):
    """Runs one attempt at an evaluation."""

    def __init__(
        self, context: EvaluationContext, claimed: ClaimedEvaluation, attempt_id: str, *, claim_sent_at: float
    ) -> None:
        """`claim_sent_at` is the lease clock before the claim was sent: the first lease counts from there."""
        super().__init__(context, claimed, attempt_id, Outbox(), claim_sent_at=claim_sent_at)
        self._evaluation = context
        self._claimed = claimed
        self._storage_url = storage_url(context.storage_url, claimed.project)
        self._ending = AttemptEnding(context, claimed, attempt_id)

    def _work(self) -> Outcome:
        if self._context.drain.is_requested:
            return self._ending.requeue(AttemptEnd(Outcome.DRAINED))
        outcome = self._evaluate()
        if outcome in (Outcome.FAILED, Outcome.CANCELLED):
            self._delete_files()
        return outcome

    def _evaluate(self) -> Outcome:
        process = self._evaluation.spawner.spawn(*self._arguments())
        child = RunningEvaluation(
            process, self._outbox, self._context.drain, timeout_s=self._evaluation.timeout_s
        )
        end, final_message = self._supervise(child)
        self._has_begun = child.has_begun
        if child.is_too_slow:
            return self._fail("evaluation_too_slow", _TOO_SLOW)
        if isinstance(final_message, Evaluated) and end.outcome is Outcome.SUCCEEDED:
            return self._succeed(final_message.result)
        if end.error_code == ModelNotFoundError.code:
            return self._model_gone()
        if end.error_code == StorageError.code:  # another attempt may succeed
            end = AttemptEnd(Outcome.CRASHED, end.message)
        return self._ending.end_without_result(end)

    def _arguments(self) -> list[str]:
        claimed, limits = self._claimed, self._evaluation.cache_limits
        return [
            *("--storage", self._storage_url, "--cache-dir", str(self._context.cache_dir)),
            *("--cache-bytes", str(limits.max_bytes), "--cache-days", str(limits.max_days)),
            *("--evaluation", claimed.item_id, "--model", claimed.model),
            *("--dataset", claimed.dataset, "--split", claimed.split),
            *("--threads", str(self._evaluation.threads)),
        ]

    def _succeed(self, result: EvaluationResult) -> Outcome:
        try:
            self._ending.retry(
                lambda: self._store.succeed_evaluation(self._claimed.item_id, self._attempt_id, result)
            )
        except ModelNotFoundError:
            return self._model_gone()
        except WrongStateError:  # it is being cancelled
            return self._ending.finish(AttemptEnd(Outcome.CANCELLED))
        reach(Failpoint.FINISH_RECORDED)
        return Outcome.SUCCEEDED

    def _model_gone(self) -> Outcome:
        return self._fail(ModelNotFoundError.code, _MODEL_GONE)

    def _fail(self, code: str, message: str) -> Outcome:
        return self._ending.finish(AttemptEnd(Outcome.FAILED, message, code))

    def _delete_files(self) -> None:
        """Delete what the attempts have stored: nothing refers to it."""
        key = f"models/{self._claimed.model}/{evaluation_file(self._claimed.item_id, '')}"
        try:
            open_storage(self._storage_url).delete(key)
        except StorageError as error:
            _log.warning("could not delete the files of %s: %s", self._claimed.item_id, error)
