"""Health, readiness, and the answers while Redis is unreachable."""

import os
import signal
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import redis

from api.settings import ApiSettings
from tests.api.problems import problem_in
from tests.api.serving import running_api
from tests.conftest import running_valkey
from tests.ninefold.processes import eventually
from worker.queue.live_workers import LiveWorkers, WorkerRecord, WorkerState


def test_readiness_lists_each_component(client: httpx.Client) -> None:
    response = client.get("/readyz")
    assert response.status_code == 503
    ready = response.json()
    assert (ready["status"], ready["redis"], ready["storage"]) == ("not_ready", "ok", "ok")
    assert "predictor" in ready["predictor"]
    assert "does not persist" in ready["warnings"][0]


def test_workers_are_listed(client: httpx.Client, redis_client: redis.Redis) -> None:
    record = WorkerRecord(
        id="w1",
        host="box",
        devices=["cpu"],
        state=WorkerState.IDLE,
        version="0",
        started_at=datetime.now(UTC),
    )
    LiveWorkers(redis_client).send_heartbeat(record)
    (worker,) = client.get("/workers").json()["data"]
    assert (worker["id"], worker["object"], worker["state"]) == ("w1", "worker", "idle")
    job = client.post("/jobs", json={"dataset": "digits"}).json()
    assert job["queued_reason"] == "starting"
    wide = client.post("/jobs", json={"dataset": "digits", "gpus": 2}).json()
    assert wide["queued_reason"] == "no_matching_worker"
    assert any("--devices 0,1" in warning for warning in wide["warnings"])


def test_requests_fail_while_redis_does_not_answer_and_succeed_afterwards(tmp_path: Path) -> None:
    with running_valkey() as valkey_url:
        settings = ApiSettings(
            redis_url=valkey_url, storage=tmp_path.as_uri(), cache_dir=tmp_path, predictor="unix:/tmp/nf-none"
        )
        with running_api(settings) as url, httpx.Client(base_url=url, timeout=30) as client:
            assert client.post("/jobs", json={"dataset": "digits"}).status_code == 202
            with redis.Redis.from_url(valkey_url) as admin:
                server = int(admin.info("server")["process_id"])
            os.kill(server, signal.SIGSTOP)
            try:
                response = client.get("/jobs")
                problem_in(response, 503, "redis_unavailable")
                assert int(response.headers["retry-after"]) > 0
                assert client.get("/healthz").status_code == 200
                assert "Redis" in client.get("/readyz").json()["redis"]
            finally:
                os.kill(server, signal.SIGCONT)
            job = {"dataset": "digits"}
            eventually(
                lambda: client.post("/jobs", json=job).status_code == 202, 60, "jobs are accepted again"
            )


def test_readiness_needs_no_right_to_read_the_settings_of_redis(tmp_path: Path) -> None:
    with running_valkey() as valkey_url:
        with redis.Redis.from_url(valkey_url) as admin:
            admin.execute_command("ACL", "SETUSER", "few", "on", ">pw", "~*", "&*", "+@all", "-config")
        settings = ApiSettings(
            redis_url=valkey_url.replace("unix://", "unix://few:pw@"),
            storage=tmp_path.as_uri(),
            cache_dir=tmp_path,
            predictor="unix:/tmp/nf-none",
        )
        with running_api(settings) as url:
            ready = httpx.get(f"{url}/readyz").json()
        assert ready["redis"] == "ok"
        assert "does not persist" in ready["warnings"][0]


@pytest.mark.parametrize(
    ("refusal", "setting", "advice"),
    [
        ("OOM", "maxmemory", "raise maxmemory"),
        ("NOREPLICAS", "min-replicas-to-write", "lower min-replicas-to-write"),
    ],
)
def test_readiness_says_why_redis_refuses_writes(
    client: httpx.Client, redis_client: redis.Redis, refusal: str, setting: str, advice: str
) -> None:
    keys_before = redis_client.dbsize()
    redis_client.config_set(setting, 1)
    try:
        response = client.get("/readyz")
    finally:
        redis_client.config_set(setting, 0)
    assert response.status_code == 503
    assert f"({refusal})" in response.json()["redis"]
    assert advice in response.json()["redis"]
    assert client.get("/readyz").json()["redis"] == "ok"
    assert redis_client.dbsize() == keys_before


def test_readiness_tells_a_replica_and_queued_jobs_can_still_be_read(tmp_path: Path) -> None:
    with running_valkey() as valkey_url, redis.Redis.from_url(valkey_url) as admin:
        settings = ApiSettings(
            redis_url=valkey_url, storage=tmp_path.as_uri(), cache_dir=tmp_path, predictor="unix:/tmp/nf-none"
        )
        with running_api(settings) as url, httpx.Client(base_url=url, timeout=30) as client:
            job = client.post("/jobs", json={"dataset": "digits"}).json()
            admin.replicaof("127.0.0.1", 1)
            said = client.get("/readyz").json()["redis"]
            assert "(READONLY)" in said
            assert "primary" in said
            assert client.get(f"/jobs/{job['id']}").json()["queued_reason"] == "no_worker"


def test_readiness_tells_a_full_disk_of_redis(tmp_path: Path) -> None:
    with running_valkey("--save", "3600 1000") as valkey_url, redis.Redis.from_url(valkey_url) as admin:
        folder = Path(str(admin.config_get("dir")["dir"]))
        (folder / "dump.rdb").mkdir()  # the snapshot cannot be written
        admin.set("key", "value")
        admin.bgsave()
        eventually(
            lambda: admin.info("persistence")["rdb_last_bgsave_status"] == "err", 60, "the snapshot failed"
        )
        settings = ApiSettings(
            redis_url=valkey_url, storage=tmp_path.as_uri(), cache_dir=tmp_path, predictor="unix:/tmp/nf-none"
        )
        with running_api(settings) as url:
            said = httpx.get(f"{url}/readyz").json()["redis"]
    assert "(MISCONF)" in said
    assert "disk" in said
