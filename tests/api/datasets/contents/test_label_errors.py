"""The label errors that a training found appear in the report and the lists of images of its dataset."""

import json
from typing import Any

import httpx
import pytest
import redis

from api.settings import ApiSettings
from model.artifact.label_errors import LABEL_ERRORS_FILE, LabelError, LabelErrors
from model.artifact.manifest import model_key
from model.storage.opening import open_storage
from tests.api.problems import problem_in
from tests.api.zips import zipped
from tests.worker.samples import draft
from worker.queue.ids import new_model_id
from worker.registry.model_registry import ModelRegistry

Json = dict[str, Any]


@pytest.fixture
def dataset(client: httpx.Client, importer: None) -> Json:
    answer = client.post("/datasets?name=pets&wait_s=60", content=zipped(6, ("cat", "dog")))
    made: Json = answer.json()
    return made


@pytest.fixture
def registry(redis_client: redis.Redis) -> ModelRegistry:
    return ModelRegistry(redis_client)


def images_of(client: httpx.Client, **query: str) -> list[Json]:
    page: Json = client.get("/datasets/pets/images", params={"limit": 50, **query}).json()
    return list(page["data"])


def publish(
    registry: ModelRegistry, settings: ApiSettings, dataset: Json, version: int, images: list[Json] | None
) -> None:
    """Register a model of the dataset whose training takes these images for dogs, in this order."""
    model_id = new_model_id()
    manifest = {
        **draft(model_id, "pets"),
        "version": version,
        "dataset": {"id": dataset["id"], "name": "pets", "content_hash": "00"},
    }
    registry.register(json.dumps(manifest))
    if images is None:
        return
    errors = [
        LabelError(
            image=one["id"], split=one["split"], label=one["class"], suggested="dog", margin=rank - 1.0
        )
        for rank, one in enumerate(images)
    ]
    found = LabelErrors(dataset_id=dataset["id"], count=len(errors), images=errors)
    key = model_key(model_id, LABEL_ERRORS_FILE)
    open_storage(settings.storage).put_bytes(key, found.model_dump_json().encode())


def test_the_newest_training_that_looked_for_label_errors_counts(
    client: httpx.Client, settings: ApiSettings, registry: ModelRegistry, dataset: Json
) -> None:
    assert images_of(client, finding="label_errors") == []
    cats = images_of(client, **{"class": "cat"})
    publish(registry, settings, dataset, 1, cats[:1])
    publish(registry, settings, dataset, 2, [cats[2], cats[0]])
    publish(registry, settings, dataset, 3, None)  # of an earlier release
    report = client.get("/datasets/pets/report").json()
    [finding] = [one for one in report["findings"] if one["code"] == "label_errors"]
    assert finding["count"] == 2
    assert finding["images"] == [cats[2]["id"], cats[0]["id"]]
    assert "datasets correct pets" in finding["advice"]

    listed = images_of(client, finding="label_errors")
    assert [(one["id"], one["class"], one["suggested_class"]) for one in listed] == [
        (cats[2]["id"], "cat", "dog"),
        (cats[0]["id"], "cat", "dog"),
    ]
    assert "label_errors" in listed[0]["findings"]
    assert client.get(listed[0]["links"]["self"]).json() == listed[0]
    assert images_of(client, finding="label_errors", after=cats[2]["id"]) == listed[1:]
    assert images_of(client, finding="label_errors", **{"class": "dog"}) == []
    wrong = client.get(f"/datasets/pets/images?finding=label_errors&after={cats[1]['id']}")
    problem_in(wrong, 422, "invalid_request")


def test_a_training_without_label_errors_adds_no_finding(
    client: httpx.Client, settings: ApiSettings, registry: ModelRegistry, dataset: Json
) -> None:
    publish(registry, settings, dataset, 1, [])
    report = client.get("/datasets/pets/report").json()
    assert "label_errors" not in [one["code"] for one in report["findings"]]
