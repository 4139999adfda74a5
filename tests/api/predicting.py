"""Runs batch predictions in the test's own process, as a worker of the lane `light` does, with the real classifying process."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.api.claiming import claiming
from worker.attempt.drain import DrainSignal
from worker.kinds.batch_prediction.classifier_command import classifier_spawner
from worker.kinds.batch_prediction.context import PredictionContext
from worker.kinds.batch_prediction.supervisor import PredictionSupervisor
from worker.queue.attempt_messages import ClaimedBatchPrediction
from worker.queue.store import JobStore
from worker.redis_server.connection import connect
from worker.settings import ServiceSettings


@contextmanager
def running_classifier(settings: ServiceSettings) -> Iterator[None]:
    """Claim and run batch predictions while the block runs."""
    with connect(settings.redis_url) as client:
        context = PredictionContext(
            store=JobStore(client),
            storage_url=settings.storage,
            cache_dir=settings.cache_dir,
            drain=DrainSignal(),
            lease_s=settings.lease_s,
            renew_every_s=0.1,
            spawner=classifier_spawner(),
            threads=1,
        )
        with claiming(context, ClaimedBatchPrediction, PredictionSupervisor):
            yield
