"""`GET /metrics`, as Prometheus's own parser reads it."""

from collections.abc import Iterator

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from api.metrics.metrics import ServiceMetrics
from api.predict.schemas import Prediction
from tests.api.pictures import png
from tests.api.serving import Service, running_service

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with running_service() as service:
        service.publish("shapes")
        yield service


def _samples(text: str) -> Samples:
    families = text_string_to_metric_families(text)
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def _value(samples: Samples, name: str, **labels: str) -> float:
    return samples[name, frozenset(labels.items())]


def _scrape(client: httpx.Client) -> Samples:
    response = client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    return _samples(response.text)


def test_predictions_queues_and_components_are_counted(service: Service) -> None:
    form = [("file", ("a.png", png())), ("file", ("b.txt", b"no image"))]
    assert service.client.post("/predict", files=form).status_code == 200
    assert service.client.post("/predict?model=nobody", content=png()).status_code == 404
    samples = _scrape(service.client)
    model = {"model": "shapes", "version": "1"}
    assert _value(samples, "ninefold_predicted_images_total", **model, outcome="ok") == 1
    assert _value(samples, "ninefold_predicted_images_total", **model, outcome="not_an_image") == 1
    assert _value(samples, "ninefold_predict_seconds_count", **model, stage="infer") == 1
    route = {"method": "POST", "route": "/predict"}
    assert _value(samples, "ninefold_http_requests_total", **route, status="404") == 1
    assert _value(samples, "ninefold_http_request_seconds_count", **route) == 2
    assert _value(samples, "ninefold_predictor_batched_images_total") == 1
    assert _value(samples, "ninefold_predictor_loaded_models") == 1
    assert _value(samples, "ninefold_queued_items", lane="training") == 0
    assert _value(samples, "ninefold_workers", state="idle") == 0
    assert _value(samples, "ninefold_up", component="redis") == 1
    assert _value(samples, "ninefold_up", component="predictor") == 1


def test_addresses_and_methods_that_clients_invent_make_no_series(service: Service) -> None:
    before = len(_scrape(service.client))
    for number in range(20):
        service.client.request(f"GET{number}", f"/nowhere/{number}")
        service.client.get(f"/jobs/job_{number}")
    assert len(_scrape(service.client)) <= before + 40


def test_a_predictor_that_does_not_run_is_told(client: httpx.Client) -> None:
    samples = _scrape(client)
    assert _value(samples, "ninefold_up", component="predictor") == 0
    assert ("ninefold_predictor_loaded_models", frozenset()) not in samples


def test_the_series_of_models_do_not_grow_without_bound() -> None:
    metrics = ServiceMetrics()
    sizes = []
    for version in range(1, 301):
        metrics.add_prediction(_prediction(version))
        if version in (100, 300):
            sizes.append(len(metrics.text([])))
    assert sizes[1] <= 1.1 * sizes[0]
    samples = _samples(metrics.text([]).decode())
    labels = {"model": "shapes", "outcome": "ok"}
    assert _value(samples, "ninefold_predicted_images_total", **labels, version="300") == 1
    assert ("ninefold_predicted_images_total", frozenset({**labels, "version": "200"}.items())) not in samples


def _prediction(version: int) -> Prediction:
    return Prediction.model_validate(
        {
            "model": {
                "id": f"mdl_{version}",
                "name": "shapes",
                "version": version,
                "alias": None,
                "precision": "int8",
            },
            "predictions": [
                {"index": 0, "filename": None, "status": "ok", "label": "a", "score": 1, "scores": []},
            ],
            "timings_ms": {"queue": 1, "decode": 1, "infer": 1, "total": 3},
        }
    )
