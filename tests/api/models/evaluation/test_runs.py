"""/models/{ref}/evaluations over real HTTP, with a real evaluating process."""

from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from api.settings import ApiSettings
from model.artifact.manifest import Manifest
from model.storage.opening import open_storage
from tests.api.evaluating import running_evaluator
from tests.api.problems import problem_in
from tests.api.published import publish_model
from tests.api.serving import running_api
from tests.worker.kinds.evaluation.samples import TESTED, make_dataset
from worker.queue.store import JobStore
from worker.registry.model_registry import ModelRegistry

Json = dict[str, Any]


@pytest.fixture
def model(settings: ApiSettings, redis_client: redis.Redis) -> Manifest:
    manifest = publish_model(open_storage(settings.storage))
    ModelRegistry(redis_client).register(manifest.model_dump_json())
    return manifest


@pytest.fixture
def pets(settings: ApiSettings, redis_client: redis.Redis, tmp_path: Path) -> str:
    """The id of a dataset of two classes of the model and one other."""
    storage = open_storage(settings.storage)
    classes = ("class-0", "class-2", "other")
    return make_dataset(JobStore(redis_client), tmp_path, *classes, storage=storage).id


def test_a_model_is_evaluated_on_another_dataset(
    client: httpx.Client, settings: ApiSettings, model: Manifest, pets: str
) -> None:
    posted = client.post("/models/shapes:1/evaluations", json={"dataset": "pets"})
    assert posted.status_code == 202
    run: Json = posted.json()
    assert (run["object"], run["status"], run["model"], run["dataset"]) == (
        "evaluation_run",
        "queued",
        model.id,
        pets,
    )
    url = posted.headers["Location"]
    assert url == run["links"]["self"] == f"/models/{model.id}/evaluations/{run['id']}"
    problem_in(client.get(f"{url}/images"), 409, "evaluation_not_ready")
    with running_evaluator(settings):
        done: Json = client.get(f"{url}?wait_s=60", timeout=90).json()
    assert done["status"] == "succeeded"
    evaluation = done["evaluation"]
    assert (evaluation["object"], evaluation["images"]) == ("evaluation", 2 * TESTED)
    assert evaluation["unknown_classes"] == {"other": TESTED}
    assert evaluation["accuracy"] == done["result"]["accuracy"]
    assert [one["support"] for one in evaluation["classes"]] == [TESTED, 0, TESTED]

    images: list[Json] = client.get(f"{url}/images?label=class-2").json()["data"]
    assert len(images) == TESTED
    shown = client.get(images[0]["links"]["thumbnail"])
    assert shown.headers["Content-Type"] == "image/webp"

    listed: list[Json] = client.get("/models/shapes:1/evaluations").json()["data"]
    assert [(one["id"], one["evaluation"]) for one in listed] == [(run["id"], None)]
    events = client.get(f"{url}/events").text
    assert "event: end" in events
    assert f'"evaluation_id":"{run["id"]}"' in events
    problem_in(
        client.get("/models/shapes:1/evaluation"), 404, "no_evaluation"
    )  # that is of the own test images

    assert client.delete(url).status_code == 204
    problem_in(client.get(url), 404, "evaluation_not_found")
    storage = open_storage(settings.storage)
    assert [key for key in storage.list(f"models/{model.id}/") if "evaluations" in key] == []


def test_a_model_and_a_dataset_stay_while_an_evaluation_waits_and_a_deleted_model_keeps_none(
    client: httpx.Client, redis_client: redis.Redis, model: Manifest, pets: str
) -> None:
    posted: Json = client.post("/models/shapes:1/evaluations", json={"dataset": pets, "split": "all"}).json()
    run = posted["links"]["self"]
    for needed, code in ((f"/models/{model.id}", "model_in_use"), (f"/datasets/{pets}", "dataset_in_use")):
        assert posted["id"] in problem_in(client.delete(needed), 409, code)["detail"]
    cancelled = client.delete(run)
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    assert client.delete(f"/models/{model.id}").status_code == 204
    assert client.delete(f"/datasets/{pets}").status_code == 204
    problem_in(client.get(run), 404, "model_not_found")
    assert JobStore(redis_client).list_evaluations(model.id) == []


def test_what_cannot_be_evaluated_is_refused(client: httpx.Client, model: Manifest, pets: str) -> None:
    post = "/models/shapes:1/evaluations"
    problem_in(client.post(post, json={"dataset": "nothing"}), 404, "dataset_not_found")
    problem_in(client.post("/models/x:1/evaluations", json={"dataset": pets}), 404, "model_not_found")
    problem_in(client.post(post, json={"dataset": pets, "split": "val"}), 422, "invalid_request")
    problem_in(client.post(post, json={}), 422, "invalid_request")
    problem_in(client.get(f"{post}/evl_00000000000000000000000000"), 404, "evaluation_not_found")


def test_a_repeated_request_queues_one_evaluation(client: httpx.Client, model: Manifest, pets: str) -> None:
    headers = {"Idempotency-Key": "once"}
    post = "/models/shapes:1/evaluations"
    first, again = (client.post(post, json={"dataset": "digits"}, headers=headers) for _ in range(2))
    assert first.json()["id"] == again.json()["id"]
    other = client.post(post, json={"dataset": pets}, headers=headers)
    problem_in(other, 422, "idempotency_mismatch")


def test_the_number_of_waiting_evaluations_is_a_setting(
    settings: ApiSettings, model: Manifest, pets: str
) -> None:
    with running_api(settings.model_copy(update={"max_queued_evaluations": 1})) as url:
        post = f"{url}/models/{model.id}/evaluations"
        assert httpx.post(post, json={"dataset": pets}, timeout=30).status_code == 202
        problem_in(httpx.post(post, json={"dataset": pets}, timeout=30), 503, "queue_full")
