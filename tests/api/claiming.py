"""Runs items of the lane `light` in the test's own process, as a worker does, each with its real child process."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from model.host import lease_clock
from worker.errors import StoreUnavailableError
from worker.kinds.batch_prediction.context import PredictionContext
from worker.kinds.dataset_import.context import ImportContext
from worker.kinds.evaluation.context import EvaluationContext
from worker.kinds.model_import.context import ModelImportContext
from worker.queue.ids import new_attempt_id
from worker.queue.kinds import Lane

POLL_EVERY_S = 0.02


@contextmanager
def claiming(
    context: ImportContext | EvaluationContext | ModelImportContext | PredictionContext,
    kind: type,
    supervisor: Callable[..., Any],
) -> Iterator[None]:
    """Claim and run items while the block runs.

    Args:
        context: of the attempts; its spawner is closed at the end.
        kind: what a claim of these items returns.
        supervisor: makes the supervisor of an attempt.
    """
    is_stopped = threading.Event()

    def run() -> None:
        while not is_stopped.wait(POLL_EVERY_S):
            with suppress(StoreUnavailableError):
                attempt_id, claim_sent_at = new_attempt_id(), lease_clock.now()
                claimed = context.store.claim("test-host", attempt_id, lanes=(Lane.LIGHT,))
                if isinstance(claimed, kind):
                    supervisor(context, claimed, attempt_id, claim_sent_at=claim_sent_at).run()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        is_stopped.set()
        context.drain.request()
        thread.join()
        context.spawner.close()
