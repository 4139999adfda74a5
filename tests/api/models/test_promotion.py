"""The gate over real HTTP: a version is promoted only if it is better on common test images."""

import httpx
import numpy as np
import pytest
import redis

from api.settings import ApiSettings
from model.evaluation.stored_predictions import StoredPredictions
from model.storage.interface import Storage
from model.storage.opening import open_storage
from tests.api.evaluated import CLASSES, DATASET, publish_evaluated
from tests.api.models.test_models import publish
from tests.api.problems import problem_in
from worker.registry.model_registry import ModelRegistry

ALIAS = "/models/shapes/aliases/production"
IMAGES = 60


def predictions(wrong: int, images: int = IMAGES, first_id: int = 0) -> StoredPredictions:
    """Predictions of which the first ones are wrong."""
    labels_N = np.arange(images) % CLASSES
    answers_N = np.where(np.arange(images) < wrong, (labels_N + 1) % CLASSES, labels_N)
    logits_NK = np.zeros((images, CLASSES), np.float32)
    logits_NK[np.arange(images), answers_N] = 3
    ids_N = np.array([f"img_{first_id + number:024x}" for number in range(images)])
    return StoredPredictions(logits_NK, labels_N, np.full(images, -1, np.int32), ids_N)


@pytest.fixture
def storage(settings: ApiSettings) -> Storage:
    return open_storage(settings.storage)


def put(client: httpx.Client, version: int, **body: object) -> httpx.Response:
    return client.put(ALIAS, json={"version": version, **body})


def test_only_a_better_version_is_promoted(
    client: httpx.Client, redis_client: redis.Redis, storage: Storage
) -> None:
    for version, wrong in enumerate((30, 28, 10), start=1):
        publish_evaluated(storage, redis_client, predictions(wrong), version=version)
    first = put(client, 1, if_better=True).json()
    assert (first["version"], first["change"]["gate"]) == (1, None)  # there was nothing to compare with

    problem = problem_in(put(client, 2, if_better=True), 409, "not_better")
    found = problem["comparison"]
    assert (found["images"], found["candidate"], found["current"]) == (60, 32 / 60, 0.5)
    assert found["mcnemar"] == {"only_candidate_right": 2, "only_current_right": 0, "p_value": 0.5}
    assert found["images_needed"] > 60
    for text in ("shapes:2 is not shown to be better than shapes:1", "53.3%", "60 test images", "would show"):
        assert text in problem["detail"]
    assert client.get(ALIAS).json() == first

    promoted = put(client, 3, if_better=True, reason="more photos").json()
    gate = promoted["change"]["gate"]
    assert (promoted["version"], gate["is_better"], gate["margin"]) == (3, True, 0)
    assert gate["ci95"][0] > 0
    assert promoted["change"]["reason"] == "more photos"
    assert put(client, 3, if_better=True, reason="more photos").json() == promoted
    assert client.get(ALIAS + "/history").json()["data"][0] == promoted["change"]
    problem_in(put(client, 1, if_better=True), 409, "not_better")


def test_metric_and_margin_are_chosen(
    client: httpx.Client, redis_client: redis.Redis, storage: Storage
) -> None:
    for version, wrong in enumerate((30, 10), start=1):
        publish_evaluated(storage, redis_client, predictions(wrong), version=version)
    put(client, 1)
    problem = problem_in(put(client, 2, if_better={"margin": 0.3}), 409, "not_better")
    assert "margin of 30.0 points" in problem["detail"]
    refused = problem_in(put(client, 2, if_better={"metric": "log_loss", "margin": 5}), 409, "not_better")
    assert refused["comparison"]["metric"] == "log_loss"
    for bad, param in (
        ({"margin": -1}, ".margin"),
        ({"metric": "f1"}, ".metric"),
        ({"margins": 0}, ".margins"),
        ("yes", ""),
    ):
        problem = problem_in(put(client, 2, if_better=bad), 422, "invalid_request")
        assert [error["param"] for error in problem["errors"]] == [f"if_better{param}"]
    assert put(client, 1, if_better=False).json()["version"] == 1
    assert put(client, 2, if_better={"metric": "balanced_accuracy", "margin": 0.1}).json()["version"] == 2


def test_without_common_test_images_nothing_is_promoted(
    client: httpx.Client, redis_client: redis.Redis, storage: Storage
) -> None:
    publish_evaluated(storage, redis_client, predictions(30))
    other = DATASET.model_copy(update={"id": "ds_000000000000000000000002"})
    publish_evaluated(storage, redis_client, predictions(0, first_id=1000), version=2, dataset=other)
    publish(ModelRegistry(redis_client), storage, version=3)  # without predictions
    put(client, 1)
    problem = problem_in(put(client, 2, if_better=True), 409, "no_common_test_set")
    assert problem["comparison"]["left_out"]["only_candidate"] == 60
    assert "60 of the candidate's test split alone" in problem["detail"]
    problem = problem_in(put(client, 3, if_better=True), 409, "no_common_test_set")
    assert "earlier release" in problem["detail"]
    assert client.get(ALIAS).json()["version"] == 1
    assert put(client, 3).json()["version"] == 3


def test_the_gate_and_the_expected_version_together(
    client: httpx.Client, redis_client: redis.Redis, storage: Storage
) -> None:
    for version, wrong in enumerate((30, 10, 0), start=1):
        publish_evaluated(storage, redis_client, predictions(wrong), version=version)
    put(client, 1)
    problem_in(put(client, 2, if_better=True, expected_version=3), 409, "alias_moved")
    problem_in(put(client, 2, if_better=True, expected_version=None), 409, "alias_moved")
    moved = put(client, 2, if_better=True, expected_version=1)
    assert moved.json()["change"]["gate"]["is_better"]
    assert put(client, 2, if_better=True, expected_version=1).json() == moved.json()
    problem_in(put(client, 9, if_better=True), 404, "model_not_found")


def test_tiny_test_sets_decide_nothing(
    client: httpx.Client, redis_client: redis.Redis, storage: Storage
) -> None:
    for version, wrong in enumerate((3, 0), start=1):
        publish_evaluated(storage, redis_client, predictions(wrong, images=3), version=version)
    put(client, 1)
    problem = problem_in(put(client, 2, if_better=True), 409, "not_better")
    assert "Fewer than 20 different images decide nothing" in problem["detail"]


def test_damaged_predictions_promote_nothing(
    client: httpx.Client, redis_client: redis.Redis, storage: Storage
) -> None:
    publish_evaluated(storage, redis_client, predictions(30))
    manifest = publish_evaluated(storage, redis_client, predictions(0), version=2)
    put(client, 1)
    storage.delete(f"models/{manifest.id}/predictions.safetensors")
    problem_in(put(client, 2, if_better=True), 409, "no_common_test_set")
    storage.put_bytes(f"models/{manifest.id}/predictions.safetensors", b"x")
    problem_in(put(client, 2, if_better=True), 409, "no_common_test_set")
