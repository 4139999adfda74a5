"""Supervises one attempt at an evaluation: a process predicts and stores the result, the worker records it."""

from worker.attempt.messages import FinalMessage
from worker.kinds.cache_arguments import cache_arguments
from worker.kinds.evaluation.context import EvaluationContext
from worker.kinds.evaluation.messages import Evaluated
from worker.kinds.evaluation.running_evaluation import RunningEvaluation
from worker.kinds.one_child import OneChildSupervisor
from worker.queue.attempt_messages import ClaimedEvaluation
from worker.queue.ids import evaluation_file
from worker.queue.states import Outcome


class EvaluationSupervisor(OneChildSupervisor):
    """Runs one attempt at an evaluation."""

    code_too_slow = "evaluation_too_slow"
    too_slow = "The evaluation took too long: use fewer images, or raise NINEFOLD_EVALUATION_TIMEOUT_S."
    model_gone = "The model was deleted before its evaluation ended."

    def __init__(
        self, context: EvaluationContext, claimed: ClaimedEvaluation, attempt_id: str, *, claim_sent_at: float
    ) -> None:
        """`claim_sent_at` is the lease clock before the claim was sent: the first lease counts from there."""
        super().__init__(context, claimed, attempt_id, claim_sent_at=claim_sent_at)
        self._evaluation = context
        self._claimed = claimed

    def _spawn(self) -> RunningEvaluation:
        context, claimed = self._evaluation, self._claimed
        process = context.spawner.spawn(
            *("--storage", self._storage_url),
            *cache_arguments(context.cache_dir, context.cache_limits),
            *("--evaluation", claimed.item_id, "--model", claimed.model),
            *("--dataset", claimed.dataset, "--split", claimed.split),
            *("--threads", str(context.threads)),
        )
        return RunningEvaluation(process, self._outbox, context.drain, timeout_s=context.timeout_s)

    def _record(self, result: FinalMessage) -> None:
        assert isinstance(result, Evaluated)  # noqa: S101 - its only message of success
        self._store.succeed_evaluation(self._claimed.item_id, self._attempt_id, result.result)

    def _leftovers(self, outcome: Outcome) -> list[str]:
        if outcome is Outcome.SUCCEEDED:
            return []
        return [f"models/{self._claimed.model}/{evaluation_file(self._claimed.item_id, '')}"]
