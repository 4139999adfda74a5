"""Reads what the service is doing now: queues, workers and the predictor."""

from collections import Counter
from collections.abc import Iterator

import redis.asyncio
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from api.predictor.client import PredictorClient
from api.predictor.protocol.messages import PredictorStatistics
from worker.queue.kind_keys import QUEUES
from worker.queue.live_workers import AsyncLiveWorkers, WorkerState

_COUNTERS = {
    "batches": "Batches that the network computed.",
    "batched_images": "Images in these batches.",
    "refused_requests": "Requests that were refused because too many images waited.",
    "model_loads": "Models that were loaded into memory.",
}
_GAUGES = {
    "waiting_images": "Images that were admitted and have no answer yet.",
    "expected_wait_s": "Seconds that a new request for the model with the longest queue would most likely wait.",
    "loaded_models": "Models in memory.",
}


class PresentState:
    """Reads Redis and the predictor for each call; what does not answer is left out, and told by `ninefold_up`."""

    def __init__(
        self, client: redis.asyncio.Redis, workers: AsyncLiveWorkers, predictor: PredictorClient
    ) -> None:
        self._redis = client
        self._workers = workers
        self._predictor = predictor

    async def read(self) -> list[Metric]:
        """Return the present values."""
        up = GaugeMetricFamily("ninefold_up", "Whether a component answers.", labels=["component"])
        metrics: list[Metric] = [up]
        try:
            metrics += await self._queues()
            up.add_metric(["redis"], 1)
        except (redis.RedisError, OSError, TimeoutError):
            up.add_metric(["redis"], 0)
        statistics = await self._predictor.statistics()
        up.add_metric(["predictor"], int(statistics is not None))
        if statistics is not None:
            metrics += _of_predictor(statistics)
        return metrics

    async def _queues(self) -> list[Metric]:
        queued = GaugeMetricFamily(
            "ninefold_queued_items", "Work items that wait for a worker.", labels=["lane"]
        )
        for lane, key in QUEUES.items():
            queued.add_metric([lane], await self._redis.zcard(key))
        states = Counter(str(worker.state) for worker in await self._workers.list_workers())
        workers = GaugeMetricFamily("ninefold_workers", "Live workers by what they do.", labels=["state"])
        for state in WorkerState:
            workers.add_metric([state], states[state])
        return [queued, workers]


def _of_predictor(statistics: PredictorStatistics) -> Iterator[Metric]:
    values = statistics.model_dump()
    for name, text in _GAUGES.items():
        yield GaugeMetricFamily(f"ninefold_predictor_{name}", text, value=values[name])
    for name, text in _COUNTERS.items():
        yield CounterMetricFamily(f"ninefold_predictor_{name}", text, value=values[name])
