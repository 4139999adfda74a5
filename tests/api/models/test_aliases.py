"""Aliases over real HTTP: history, rollback, compare-and-set, reasons, repetitions."""

from typing import Any

import httpx
import pytest
import redis

from api.settings import ApiSettings
from model.storage.opening import open_storage
from tests.api.models.test_models import publish
from tests.api.problems import problem_in
from worker.registry.model_registry import ModelRegistry

ALIAS = "/models/shapes/aliases/production"
Json = dict[str, Any]


@pytest.fixture
def versions(settings: ApiSettings, redis_client: redis.Redis) -> list[str]:
    """Publish three versions of `shapes`; returns their ids."""
    storage = open_storage(settings.storage)
    return [publish(ModelRegistry(redis_client), storage, version).id for version in (1, 2, 3)]


def put(client: httpx.Client, version: int, **body: object) -> httpx.Response:
    return client.put(ALIAS, json={"version": version, **body})


def without_time(change: Json) -> Json:
    assert change["at"].endswith("Z")
    absent = ("gate", "job_id", "refused_version", "min_scores")
    assert all(change[name] is None for name in absent)
    left_out = ("at", "object", "alias", *absent)
    return {name: value for name, value in change.items() if name not in left_out}


def test_the_history_says_who_when_from_where_to_where_and_why(
    locked: httpx.Client, versions: list[str]
) -> None:
    alice, app = ({"Authorization": f"Bearer key-of-{name}"} for name in ("alice", "app"))
    locked.put(ALIAS, json={"version": 1}, headers=alice)
    moved = locked.put(
        ALIAS, json={"version": 3, "expected_version": 1, "reason": "  more photos "}, headers=app
    ).json()
    assert (moved["model_id"], moved["previous_version"]) == (versions[2], 1)
    back = locked.post(ALIAS + "/rollback", json={"reason": "too many errors"}, headers=alice).json()
    assert (back["version"], back["model_id"], back["previous_version"]) == (1, versions[0], None)
    assert locked.get(ALIAS, headers=app).json() == back

    page = locked.get(ALIAS + "/history?limit=2", headers=alice).json()
    rest = locked.get(ALIAS + f"/history?after={page['data'][-1]['id']}", headers=alice).json()
    assert (page["has_more"], rest["has_more"]) == (True, False)
    rolled_back, promoted, first = map(without_time, [*page["data"], *rest["data"]])
    assert page["data"][0] == back["change"]
    assert rolled_back == {
        "id": "chg_3", "by": "alice", "from_version": 3, "to_version": 1, "reason": "too many errors",
        "returns_to": "chg_1", "skipped_versions": [],
    }  # fmt: skip
    assert promoted == {
        "id": "chg_2", "by": "app", "from_version": 1, "to_version": 3, "reason": "more photos",
        "returns_to": None, "skipped_versions": [],
    }  # fmt: skip
    assert (first["from_version"], first["to_version"], first["reason"]) == (None, 1, None)


def test_compare_and_set(client: httpx.Client, versions: list[str]) -> None:
    assert len(versions) == 3
    problem = problem_in(put(client, 2, expected_version=1), 409, "alias_moved")
    assert "does not exist" in problem["detail"]
    assert put(client, 1, expected_version=None).status_code == 200
    assert "version 1" in problem_in(put(client, 2, expected_version=None), 409, "alias_moved")["detail"]
    first = put(client, 2, expected_version=1, reason="better")
    assert put(client, 2, expected_version=1, reason="better").json() == first.json()
    problem_in(put(client, 3, expected_version=1), 409, "alias_moved")
    assert len(client.get(ALIAS + "/history").json()["data"]) == 2


def test_least_scores_stay_until_they_are_replaced_and_the_history_tells_them(
    client: httpx.Client, versions: list[str]
) -> None:
    assert versions
    least = {"*": 0.6, "class-0": 0.8}
    assert put(client, 1, min_scores=least).json()["min_scores"] == least
    for _ in range(2):  # the repetition is no second change
        replaced = put(client, 1, expected_version=1, min_scores={"*": 0.5}, reason="too strict").json()
    assert (replaced["min_scores"], replaced["change"]["from_version"]) == ({"*": 0.5}, None)
    assert put(client, 2).json()["min_scores"] == client.get(ALIAS).json()["min_scores"] == {"*": 0.5}
    assert client.post(ALIAS + "/rollback", json={}).json()["min_scores"] == {"*": 0.5}
    assert put(client, 1, min_scores={}).json()["min_scores"] == {}
    changes = client.get(ALIAS + "/history").json()["data"]
    assert [(one["from_version"], one["to_version"], one["min_scores"]) for one in changes] == [
        (1, 1, {}), (2, 1, None), (1, 2, None), (1, 1, {"*": 0.5}), (None, 1, least),
    ]  # fmt: skip
    put(client, 1, min_scores=least)
    client.delete(ALIAS)
    assert client.post(ALIAS + "/rollback", json={}).json()["min_scores"] == {}


def test_least_scores_of_unknown_classes_are_refused(client: httpx.Client, versions: list[str]) -> None:
    assert versions
    problem = problem_in(put(client, 1, min_scores={"*": 0.5, "rose": 0.8}), 422, "unknown_class")
    assert problem["errors"][0]["param"] == "min_scores.rose"
    for bad in ({"*": 1.5}, {"*": "high"}, [0.5]):
        problem_in(put(client, 1, min_scores=bad), 422, "invalid_request")
    problem_in(client.get(ALIAS), 404, "alias_not_found")


def test_a_repeated_rollback_is_no_second_one(client: httpx.Client, versions: list[str]) -> None:
    for version, _ in enumerate(versions, start=1):
        put(client, version)
    rollback = ALIAS + "/rollback"
    for options in ({"json": {"expected_version": 3}}, {"json": {}, "headers": {"Idempotency-Key": "k"}}):
        answers = [client.post(rollback, **options).json() for _ in range(2)]
        assert answers[0] == answers[1]
    assert answers[0]["version"] == 1
    other = client.post(rollback, json={"reason": "x"}, headers={"Idempotency-Key": "k"})
    problem_in(other, 422, "idempotency_mismatch")
    problem_in(client.post(rollback), 409, "nothing_to_roll_back_to")
    problem_in(client.post(rollback, json={"expected_version": 3}), 409, "alias_moved")


def test_deleted_versions_are_skipped_and_the_history_keeps_them(
    client: httpx.Client, versions: list[str]
) -> None:
    for version, _ in enumerate(versions, start=1):
        put(client, version)
    assert client.delete(f"/models/{versions[1]}").status_code == 204
    assert client.get(ALIAS).json()["previous_version"] == 1
    back = client.post(ALIAS + "/rollback").json()
    assert (back["version"], back["change"]["skipped_versions"]) == (1, [2])
    assert client.delete(ALIAS, params={"reason": "no longer used"}).status_code == 204
    for model in (versions[0], versions[2]):
        assert client.delete(f"/models/{model}").status_code == 204
    changes = client.get(ALIAS + "/history").json()["data"]
    assert [(one["to_version"], one["reason"]) for one in changes] == [
        (None, "no longer used"), (1, None), (3, None), (2, None), (1, None),
    ]  # fmt: skip
    problem = problem_in(client.post(ALIAS + "/rollback"), 409, "nothing_to_roll_back_to")
    assert "(1) are deleted" in problem["detail"]


def test_bad_requests_are_refused(client: httpx.Client, versions: list[str]) -> None:
    assert versions
    for bad in ({"reason": "two\nlines"}, {"reason": " "}, {"reason": "x" * 501}, {"expected_version": 0}):
        problem_in(put(client, 1, **bad), 422, "invalid_request")
        problem_in(client.post(ALIAS + "/rollback", json=bad), 422, "invalid_request")
    problem_in(client.get(ALIAS + "/history?after=mdl_1"), 422, "invalid_request")
    problem_in(client.get(ALIAS + "/history"), 404, "alias_not_found")
    problem_in(client.post(ALIAS + "/rollback"), 404, "alias_not_found")
    problem_in(client.post("/models/nope/aliases/production/rollback"), 404, "model_not_found")
