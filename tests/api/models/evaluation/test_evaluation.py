"""/models/{ref}/evaluation and its images over real HTTP."""

from typing import Any

import httpx
import pytest
import redis

from api.settings import ApiSettings
from model.artifact.manifest import model_key
from model.evaluation.stored_predictions import PREDICTIONS_FILE
from model.storage.interface import Storage
from model.storage.opening import open_storage
from tests.api.evaluated import DATASET, publish_evaluated, some_predictions
from tests.api.problems import problem_in
from tests.api.published import publish_model
from tests.stored import stored_path
from worker.registry.model_registry import ModelRegistry

Json = dict[str, Any]


@pytest.fixture
def storage(settings: ApiSettings) -> Storage:
    return open_storage(settings.storage)


def images_of(client: httpx.Client, **query: str | int) -> list[Json]:
    page: Json = client.get("/models/shapes:1/evaluation/images", params={"limit": 100, **query}).json()
    return list(page["data"])


def test_the_evaluation_says_how_good_a_model_is(
    client: httpx.Client, storage: Storage, redis_client: redis.Redis
) -> None:
    manifest = publish_evaluated(storage, redis_client, some_predictions())
    found = client.get("/models/shapes:1/evaluation").json()
    assert found["object"] == "evaluation"
    assert found["model"] == {"id": manifest.id, "name": "shapes", "version": 1}
    assert found["dataset"]["id"] == DATASET.id
    assert (found["split"], found["images"], found["groups"]) == ("test", 30, 30)
    assert found["accuracy"] == pytest.approx(18 / 30)
    assert found["confusion_matrix"] == [[6, 4, 0], [0, 6, 4], [4, 0, 6]]
    assert [row["name"] for row in found["classes"]] == ["class-0", "class-1", "class-2"]
    assert found["confusions"][0] == {"label": "class-0", "predicted": "class-1", "images": 4}
    assert client.get(f"/models/{manifest.id}/files/evaluation.json").json()["images"] == 30


def test_a_cell_of_the_matrix_lists_its_images(
    client: httpx.Client, storage: Storage, redis_client: redis.Redis
) -> None:
    predictions = some_predictions()
    publish_evaluated(storage, redis_client, predictions)
    cell = images_of(client, label="class-0", predicted="class-1")
    assert [(one["label"], one["predicted"]) for one in cell] == [("class-0", "class-1")] * 4
    scores = [one["label_score"] for one in cell]
    assert scores == sorted(scores)
    first = cell[0]
    assert first["rank"] == 2
    assert first["links"]["thumbnail"] == f"/datasets/{DATASET.id}/images/{first['image']}?size=thumbnail"
    assert images_of(client, label="class-0", predicted="class-1", order="best") == cell[::-1]
    assert len(images_of(client, predicted="class-1")) == 10
    everything = images_of(client)
    assert len(everything) == 30
    assert min(one["rank"] for one in everything[:12]) == 2
    assert {one["rank"] for one in everything[12:]} == {1}


def test_the_images_come_in_pages(client: httpx.Client, storage: Storage, redis_client: redis.Redis) -> None:
    publish_evaluated(storage, redis_client, some_predictions())
    first: Json = client.get("/models/shapes:1/evaluation/images?limit=20").json()
    assert first["has_more"]
    rest = images_of(client, after=first["data"][-1]["image"])
    assert first["data"] + rest == images_of(client)
    answer = client.get("/models/shapes:1/evaluation/images?after=img_0")
    assert problem_in(answer, 422, "invalid_request")["errors"][0]["param"] == "after"


def test_a_class_that_the_model_does_not_have_is_refused(
    client: httpx.Client, storage: Storage, redis_client: redis.Redis
) -> None:
    publish_evaluated(storage, redis_client, some_predictions())
    answer = client.get("/models/shapes:1/evaluation/images?predicted=cow")
    assert "'class-0'" in problem_in(answer, 422, "unknown_class")["detail"]


def test_a_model_of_an_earlier_release_has_no_evaluation(
    client: httpx.Client, storage: Storage, redis_client: redis.Redis
) -> None:
    ModelRegistry(redis_client).register(publish_model(storage).model_dump_json())
    for path in ("evaluation", "evaluation/images"):
        problem = problem_in(client.get(f"/models/shapes:1/{path}"), 404, "no_evaluation")
        assert "train it again" in problem["detail"]
    problem_in(client.get("/models/nobody:1/evaluation"), 404, "model_not_found")


def test_damaged_predictions_are_not_shown(
    client: httpx.Client, storage: Storage, redis_client: redis.Redis
) -> None:
    manifest = publish_evaluated(storage, redis_client, some_predictions())
    path = stored_path(storage, model_key(manifest.id, PREDICTIONS_FILE))
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + bytes([99]))
    problem_in(client.get("/models/shapes:1/evaluation/images"), 500, "corrupt_artifact")
    assert client.get("/models/shapes:1/evaluation").status_code == 200


def test_images_of_a_built_in_dataset_that_is_downloaded_have_no_links(
    client: httpx.Client, storage: Storage, redis_client: redis.Redis
) -> None:
    cifar10 = DATASET.model_copy(update={"id": "cifar10"})
    publish_evaluated(storage, redis_client, some_predictions(), dataset=cifar10)
    assert all(one["links"] is None for one in images_of(client))
    assert {one["dataset_id"] for one in images_of(client)} == {"cifar10"}
