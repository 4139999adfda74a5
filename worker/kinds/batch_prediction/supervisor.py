"""Supervises one attempt at a batch prediction: a process classifies and stores the rows, the worker records the end."""

import math

from model.batch_prediction.rows import folder_of
from worker.attempt.messages import FinalMessage
from worker.kinds.batch_prediction.context import PredictionContext
from worker.kinds.batch_prediction.messages import AllPredicted
from worker.kinds.batch_prediction.running_prediction import RunningPrediction
from worker.kinds.cache_arguments import cache_arguments
from worker.kinds.one_child import OneChildSupervisor
from worker.queue.attempt_messages import ClaimedBatchPrediction
from worker.queue.states import Outcome


class PredictionSupervisor(OneChildSupervisor):
    """Runs one attempt at a batch prediction."""

    model_gone = "The model was deleted before all images were classified."

    def __init__(
        self,
        context: PredictionContext,
        claimed: ClaimedBatchPrediction,
        attempt_id: str,
        *,
        claim_sent_at: float,
    ) -> None:
        """`claim_sent_at` is the lease clock before the claim was sent: the first lease counts from there."""
        super().__init__(context, claimed, attempt_id, claim_sent_at=claim_sent_at)
        self._prediction = context
        self._claimed = claimed

    def _spawn(self) -> RunningPrediction:
        context, claimed = self._prediction, self._claimed
        images = ["--upload", claimed.upload] if claimed.upload else []
        if claimed.dataset and claimed.split:
            images = ["--dataset", claimed.dataset, "--split", claimed.split]
        process = context.spawner.spawn(
            *("--storage", self._storage_url),
            *cache_arguments(context.cache_dir, context.cache_limits),
            *("--prediction", claimed.item_id, "--model", claimed.model, *images),
            *("--options", claimed.options.model_dump_json()),
            *("--precision", claimed.precision, "--threads", str(context.threads)),
        )
        return RunningPrediction(process, self._outbox, context.drain, timeout_s=math.inf)

    def _record(self, result: FinalMessage) -> None:
        assert isinstance(result, AllPredicted)  # noqa: S101 - its only message of success
        self._store.succeed_prediction(self._claimed.item_id, self._attempt_id, result.result)

    def _leftovers(self, outcome: Outcome) -> list[str]:
        rows = [] if outcome is Outcome.SUCCEEDED else [folder_of(self._claimed.item_id)]
        return [*rows, *filter(None, [self._claimed.upload])]
