"""Models side by side over real HTTP."""

import httpx
import redis

from api.settings import ApiSettings
from model.storage.opening import open_storage
from tests.api.evaluated import publish_evaluated
from tests.api.models.test_models import publish
from tests.api.models.test_promotion import predictions
from tests.api.problems import problem_in
from worker.registry.model_registry import ModelRegistry


def test_models_are_compared(client: httpx.Client, redis_client: redis.Redis, settings: ApiSettings) -> None:
    storage = open_storage(settings.storage)
    for version, wrong in enumerate((30, 10, 12), start=1):
        publish_evaluated(storage, redis_client, predictions(wrong), version=version)
    old = publish(ModelRegistry(redis_client), storage, version=4)
    found = client.get("/models/shapes:2/comparison?with=shapes:1&with=shapes:3&with=shapes:4").json()
    assert [model["version"] for model in found["models"]] == [2, 1, 3, 4]
    assert found["settings"] == []
    first, second, without = found["pairs"]
    assert [one["metric"] for one in first["metrics"]] == ["accuracy", "balanced_accuracy", "log_loss"]
    assert first["metrics"][0]["is_better"]
    assert (first["disagreements"], second["disagreements"]) == (20, 2)
    assert sum(one["images"] for one in first["classes"]) == 60
    differences = [abs(one["difference"]) for one in first["classes"]]
    assert differences == sorted(differences, reverse=True)
    assert (without["with_model"], without["metrics"]) == (old.id, [])
    assert "earlier release" in without["detail"]
    problem_in(client.get("/models/shapes:2/comparison"), 422, "invalid_request")
    problem_in(client.get("/models/shapes:2/comparison?with=nope"), 404, "model_not_found")


def test_the_images_on_which_models_disagree_are_paged(
    client: httpx.Client, redis_client: redis.Redis, settings: ApiSettings
) -> None:
    storage = open_storage(settings.storage)
    for version, wrong in enumerate((30, 10), start=1):
        publish_evaluated(storage, redis_client, predictions(wrong), version=version)
    address = "/models/shapes:2/comparison/images?with=shapes:1"
    page = client.get(f"{address}&limit=15").json()
    rest = client.get(f"{address}&after={page['data'][-1]['image']}").json()
    images = [one["image"] for one in (*page["data"], *rest["data"])]
    assert (page["has_more"], rest["has_more"], len(set(images))) == (True, False, 20)
    one = page["data"][0]
    assert one["candidate"]["predicted"] == one["label"] != one["current"]["predicted"]
    assert one["links"]["thumbnail"].endswith("?size=thumbnail")
    assert client.get(f"{address}&which=only_current").json()["data"] == []
    assert len(client.get(f"{address}&which=only_candidate").json()["data"]) == 20
    problem_in(client.get(f"{address}&after=img_nothing"), 422, "invalid_request")
