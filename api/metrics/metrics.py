"""The counters of one API process, and how Prometheus reads them. Knows no Redis and no predictor."""

from collections import OrderedDict
from collections.abc import Iterable
from functools import cache

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
        # Finding a series by its labels takes ten times as long as counting.
        self._requests_of, self._durations_of = cache(self._requests.labels), cache(self._durations.labels)
        self._models: OrderedDict[tuple[str, str], _ModelSeries] = OrderedDict()
        """The series of each model version, the one that was not used for longest first."""

    def add_request(self, scope: Scope, status: int, duration_s: float) -> None:
        """Count a request by the template of its path, such as `/jobs/{job_id}`."""
        route = getattr(scope.get("route"), "path", "")
        method = scope["method"] if route else ""  # a client may invent methods, and each would be a series
        self._requests_of(method, route, status).inc()
        self._durations_of(method, route).observe(duration_s)

    def add_prediction(self, prediction: Prediction) -> None:
        """Count the images of an answer."""
        model = (prediction.model.name, str(prediction.model.version or "job"))
        series = self._models.get(model)
        if series is None:
            series = self._models[model] = _ModelSeries(self._images, self._stages, model)
        self._models.move_to_end(model)
        series.add(prediction)
        if len(self._models) > _MAX_MODELS:
            self._models.popitem(last=False)[1].remove()

    def text(self, present: Iterable[Metric]) -> bytes:
        """Return all numbers in Prometheus's text format: the counters, and these present values."""
        collector = _Present(list(present))
        self._registry.register(collector)
        try:
            return generate_latest(self._registry)
        finally:
            self._registry.unregister(collector)


class _ModelSeries:
    """The series of one model version."""

    def __init__(self, images: Counter, stages: Histogram, model: tuple[str, str]) -> None:
        self._images, self._stages, self._model = images, stages, model
        self._by_outcome: dict[str, Counter] = {}
        self._by_stage = {stage: stages.labels(*model, stage) for stage in _STAGES}

    def add(self, prediction: Prediction) -> None:
        """Count the images of an answer."""
        for image in prediction.predictions:
            outcome = "ok" if image.status == "ok" else image.error.code
            if outcome not in self._by_outcome:
                self._by_outcome[outcome] = self._images.labels(*self._model, outcome)
            self._by_outcome[outcome].inc()
        for stage, series in self._by_stage.items():
            series.observe(getattr(prediction.timings_ms, stage) / 1000)

    def remove(self) -> None:
        """Remove the series from the metrics."""
        for outcome in self._by_outcome:
            self._images.remove(*self._model, outcome)
        for stage in self._by_stage:
            self._stages.remove(*self._model, stage)


class _Present(Collector):
    """Values that were read for one answer."""

    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> list[Metric]:
        return self._metrics
