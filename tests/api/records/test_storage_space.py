"""Nearly full storage: new work is refused with advice, all other requests succeed."""

import io
from collections.abc import Iterator

import httpx
import pytest
import redis

from api.settings import ApiSettings
from model.storage.opening import open_storage
from tests.api.problems import problem_in
from tests.api.serving import running_api

MORE_THAN_ANY_DISK = 2**62


@pytest.fixture
def full(settings: ApiSettings, redis_client: redis.Redis) -> Iterator[httpx.Client]:
    """A client of an API whose limit makes every disk too small."""
    high = settings.model_copy(update={"min_free_bytes": MORE_THAN_ANY_DISK})
    with running_api(high) as url, httpx.Client(base_url=url, timeout=30) as client:
        yield client


def test_new_jobs_are_refused_with_advice(full: httpx.Client) -> None:
    response = full.post("/jobs", json={"dataset": "digits"})
    problem = problem_in(response, 503, "storage_full")
    assert "NINEFOLD_MIN_FREE_BYTES" in problem["detail"]
    assert int(response.headers["retry-after"]) > 0
    assert full.get("/jobs").json()["data"] == []
    assert full.post("/jobs?dry_run=true", json={"dataset": "digits"}).status_code == 200


def test_a_repeated_request_gets_its_first_answer(
    full: httpx.Client, client: httpx.Client, redis_client: redis.Redis
) -> None:
    headers = {"Idempotency-Key": "k1"}
    first = client.post("/jobs", json={"dataset": "digits"}, headers=headers)
    assert first.status_code == 202
    again = full.post("/jobs", json={"dataset": "digits"}, headers=headers)
    assert (again.status_code, again.text) == (202, first.text)
    other = full.post("/jobs", json={"dataset": "digits", "epochs": 7}, headers=headers)
    problem_in(other, 422, "idempotency_mismatch")


def test_an_upload_is_refused_before_it_is_read(full: httpx.Client) -> None:
    response = full.post("/datasets?name=photos", content=io.BytesIO(b"PK\x03\x04" + bytes(64 << 20)))
    problem_in(response, 503, "storage_full")
    assert full.get("/datasets?limit=1").status_code == 200


def test_readiness_warns_and_storage_stays_ok(full: httpx.Client) -> None:
    ready = full.get("/readyz").json()
    assert ready["storage"] == "ok"
    assert any("NINEFOLD_MIN_FREE_BYTES" in warning for warning in ready["warnings"])


def test_readiness_warns_of_a_full_cache_disk(full: httpx.Client, settings: ApiSettings) -> None:
    settings.cache_dir.mkdir(exist_ok=True)
    assert any("NINEFOLD_CACHE_DIR" in warning for warning in full.get("/readyz").json()["warnings"])


def test_a_limit_of_zero_is_no_limit(settings: ApiSettings, redis_client: redis.Redis) -> None:
    off = settings.model_copy(update={"min_free_bytes": 0})
    with running_api(off) as url:
        assert httpx.post(f"{url}/jobs", json={"dataset": "digits"}).status_code == 202
        assert len(httpx.get(f"{url}/readyz").json()["warnings"]) == 1


def test_new_jobs_are_refused_when_the_quota_is_reached(
    settings: ApiSettings, redis_client: redis.Redis
) -> None:
    storage = open_storage(settings.storage)
    storage.put_bytes("models/mdl_1/weights", bytes(2_000_000))
    with running_api(settings.model_copy(update={"max_storage_bytes": 2_000_000})) as url:
        problem = problem_in(httpx.post(f"{url}/jobs", json={"dataset": "digits"}), 503, "storage_full")
        assert "NINEFOLD_MAX_STORAGE_BYTES" in problem["detail"]
        assert any(
            "NINEFOLD_MAX_STORAGE_BYTES" in warning
            for warning in httpx.get(f"{url}/readyz").json()["warnings"]
        )
    with running_api(settings.model_copy(update={"max_storage_bytes": 2**40})) as url:
        assert httpx.post(f"{url}/jobs", json={"dataset": "digits"}).status_code == 202
