"""Runs evaluations in the test's own process, as a worker of the lane `light` does, with the real evaluating process."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.api.claiming import claiming
from worker.attempt.drain import DrainSignal
from worker.kinds.evaluation.context import EvaluationContext
from worker.kinds.evaluation.evaluator_command import evaluator_spawner
from worker.kinds.evaluation.supervisor import EvaluationSupervisor
from worker.queue.attempt_messages import ClaimedEvaluation
from worker.queue.store import JobStore
from worker.redis_server.connection import connect
from worker.settings import ServiceSettings


@contextmanager
def running_evaluator(settings: ServiceSettings) -> Iterator[None]:
    """Claim and run evaluations while the block runs."""
    with connect(settings.redis_url) as client:
        context = EvaluationContext(
            store=JobStore(client),
            storage_url=settings.storage,
            cache_dir=settings.cache_dir,
            drain=DrainSignal(),
            lease_s=settings.lease_s,
            renew_every_s=0.1,
            spawner=evaluator_spawner(),
            threads=1,
            timeout_s=100,
        )
        with claiming(context, ClaimedEvaluation, EvaluationSupervisor):
            yield
