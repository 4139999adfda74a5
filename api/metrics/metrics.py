"""The counters of one API process, and how Prometheus reads them. Knows no Redis and no predictor."""

from collections import OrderedDict
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from starlette.types import Scope

from api.predict.schemas import Prediction

_MAX_MODELS = 100
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_STAGES = ("queue", "decode", "infer", "total")


class ServiceMetrics:
    """The counters. There are series for the routes, and for the 100 model versions that were used last."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "ninefold_http_requests", "Requests.", ["method", "route", "status"], registry=self._registry
        )
        self._durations = Histogram(
            "ninefold_http_request_seconds",
            "Time until the last byte of the answer.",
            ["method", "route"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._images = Counter(
            "ninefold_predicted_images",
            "Images by model and outcome: ok, or the code of the error.",
            ["model", "version", "outcome"],
            registry=self._registry,
        )
        self._stages = Histogram(
            "ninefold_predict_seconds",
            "Time of the slowest image of a request in each stage: queue, decode, infer; and of the whole request.",
            ["model", "version", "stage"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._models: OrderedDict[tuple[str, str], set[str]] = OrderedDict()
        """The outcomes of each model version, the one that was not used for longest first."""

    def add_request(self, scope: Scope, status: int, duration_s: float) -> None:
        """Count a request by the template of its path, such as `/jobs/{job_id}`."""
        route = getattr(scope.get("route"), "path", "")
        method = scope["method"] if route else ""  # a client may invent methods, and each would be a series
        self._requests.labels(method, route, status).inc()
        self._durations.labels(method, route).observe(duration_s)

    def add_prediction(self, prediction: Prediction) -> None:
        """Count the images of an answer."""
        model = (prediction.model.name, str(prediction.model.version or "job"))
        outcomes = self._models.setdefault(model, set())
        self._models.move_to_end(model)
        for image in prediction.predictions:
            outcome = "ok" if image.status == "ok" else image.error.code
            outcomes.add(outcome)
            self._images.labels(*model, outcome).inc()
        for stage in _STAGES:
            self._stages.labels(*model, stage).observe(getattr(prediction.timings_ms, stage) / 1000)
        if len(self._models) > _MAX_MODELS:
            self._forget(*self._models.popitem(last=False))

    def text(self, present: Iterable[Metric]) -> bytes:
        """Return all numbers in Prometheus's text format: the counters, and these present values."""
        collector = _Present(list(present))
        self._registry.register(collector)
        try:
            return generate_latest(self._registry)
        finally:
            self._registry.unregister(collector)

    def _forget(self, model: tuple[str, str], outcomes: set[str]) -> None:
        for outcome in outcomes:
            self._images.remove(*model, outcome)
        for stage in _STAGES:
            self._stages.remove(*model, stage)


class _Present(Collector):
    """Values that were read for one answer."""

    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> list[Metric]:
        return self._metrics
