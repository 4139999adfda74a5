"""Runs evaluations in the test's own process, as a worker of the lane `light` does, with the real evaluating process."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from worker.attempt.drain import DrainSignal
from worker.errors import StoreUnavailableError
from worker.kinds.evaluation.context import EvaluationContext
from worker.kinds.evaluation.evaluator_command import evaluator_spawner
from worker.kinds.evaluation.supervisor import EvaluationSupervisor
from worker.queue.attempt_messages import ClaimedEvaluation
from worker.queue.ids import new_attempt_id
from worker.queue.kinds import Lane
from worker.queue.store import JobStore
from worker.redis_server.connection import connect
from worker.settings import ServiceSettings

POLL_EVERY_S = 0.02


@contextmanager
def running_evaluator(settings: ServiceSettings) -> Iterator[None]:
    """Claim and run evaluations while the block runs."""
    spawner, is_stopped = evaluator_spawner(), threading.Event()
    with connect(settings.redis_url) as client:
        context = EvaluationContext(
            store=JobStore(client),
            storage_url=settings.storage,
            cache_dir=settings.cache_dir,
            drain=DrainSignal(),
            lease_s=settings.lease_s,
            renew_every_s=0.1,
            spawner=spawner,
            threads=1,
            timeout_s=100,
        )
        thread = threading.Thread(target=_run, args=(context, is_stopped))
        thread.start()
        try:
            yield
        finally:
            is_stopped.set()
            context.drain.request()
            thread.join()
            spawner.close()


def _run(context: EvaluationContext, is_stopped: threading.Event) -> None:
    while not is_stopped.wait(POLL_EVERY_S):
        with suppress(StoreUnavailableError):
            attempt_id, claim_sent_at = new_attempt_id(), time.monotonic()
            claimed = context.store.claim("test-host", attempt_id, lanes=(Lane.LIGHT,))
            if isinstance(claimed, ClaimedEvaluation):
                EvaluationSupervisor(context, claimed, attempt_id, claim_sent_at=claim_sent_at).run()
