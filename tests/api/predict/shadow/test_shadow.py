"""The shadow of a model classifies production's images too: counted, never answered, and its images kept under a cap."""

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from model.storage.opening import open_storage
from tests.api.pictures import png
from tests.api.problems import problem_in
from tests.api.serving import Service, running_service
from tests.worker.processes import wait_until
from worker.redis_server.connection import connect
from worker.registry.model_registry import ModelRegistry
from worker.registry.shadow import SHADOW

TRAFFIC, DISAGREEMENTS = (f"/models/shapes/aliases/shadow/{part}" for part in ("traffic", "disagreements"))
KEPT = 2


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with running_service(shadow_fraction=1.0, shadow_keep_images=KEPT) as service:
        yield service


def predict(service: Service, number: int) -> str:
    answer = service.client.post("/predict", params={"model": "shapes"}, content=png(number))
    assert answer.status_code == 200, answer.text
    assert answer.json()["model"]["version"] == 1
    label: str = answer.json()["predictions"][0]["label"]
    return label


def traffic(service: Service) -> dict[str, Any]:
    found: dict[str, Any] = service.client.get(TRAFFIC).json()
    return found


def test_the_shadow_is_counted_beside_production_and_answers_nobody(service: Service) -> None:
    service.publish("shapes")
    label = predict(service, 0)
    problem_in(service.client.get(TRAFFIC), 404, "no_shadow")

    version, shadow_id = publish_one_that_disagrees(service, label)
    with connect(service.redis_url) as client:
        ModelRegistry(client).set_alias("shapes", SHADOW, version, None)
    assert (traffic(service)["compared"], traffic(service)["agreement"], traffic(service)["since"]) == (
        0,
        None,
        None,
    )
    wait_until(lambda: predict(service, 0) and pause() and traffic(service)["compared"] > KEPT, 120)
    wait_until(lambda: settled(service))

    found, entries = seen_together(service)
    assert (found["production"]["version"], found["shadow"]["version"]) == (1, version)
    assert found["failed"] == 0
    differing = sum(confusion["images"] for confusion in found["confusions"])
    assert (found["agreed"], differing) == (0, found["compared"])
    assert found["agreement"] == 0
    check_disagreements(service, shadow_id, entries, differing)


def publish_one_that_disagrees(service: Service, label: str) -> tuple[int, str]:
    """Publish versions until one gives the first picture another label."""
    for version in range(2, 12):
        model = service.publish("shapes", version=version, alias=None, seed=version)
        answer = service.client.post("/predict", params={"model": model.id}, content=png(0)).json()
        if answer["predictions"][0]["label"] != label:
            return version, model.id
    raise AssertionError("all models give the same label")


def pause() -> bool:
    """Leave the predictor a moment for the shadow."""
    time.sleep(0.2)
    return True


def settled(service: Service) -> bool:
    """Whether the shadow has nothing to do any more."""
    before = traffic(service)
    time.sleep(0.5)
    return traffic(service) == before


def seen_together(service: Service) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the counts, and the disagreements that were listed when these were the counts."""
    while True:
        found = traffic(service)
        first = service.client.get(DISAGREEMENTS, params={"limit": 1}).json()
        after = first["data"][0]["id"]
        rest = service.client.get(DISAGREEMENTS, params={"limit": 100, "after": after}).json()
        if traffic(service) == found:
            assert first["has_more"] is bool(rest["data"])
            return found, first["data"] + rest["data"]


def check_disagreements(service: Service, shadow_id: str, entries: list[dict[str, Any]], count: int) -> None:
    """All are listed, newest first; of the newest ones the image is kept."""
    assert len(entries) == count
    assert all(entry["production"]["label"] != entry["shadow"]["label"] for entry in entries)
    kept = [entry["image"] for entry in entries if entry["image"]]
    assert len(kept) == min(KEPT, count)
    assert kept == [entry["image"] for entry in entries[: len(kept)]]
    image = service.client.get(kept[0])
    assert image.content == png(0)
    assert image.headers["content-type"] == "image/png"
    assert image.headers["x-content-type-options"] == "nosniff"
    storage = open_storage(service.storage_url)
    wait_until(lambda: len(storage.list(f"models/{shadow_id}/shadow/")) == len(kept))
    unknown = f"{DISAGREEMENTS}/dis_{26 * '0'}/image"
    problem_in(service.client.get(unknown), 404, "image_not_found")


def test_without_the_alias_nothing_is_sampled(service: Service) -> None:
    with connect(service.redis_url) as client:
        ModelRegistry(client).delete_alias("shapes", SHADOW, None)
    problem_in(service.client.get(TRAFFIC), 404, "no_shadow")
    assert httpx.codes.is_success(
        service.client.post("/predict", content=png(), params={"model": "shapes"}).status_code
    )
