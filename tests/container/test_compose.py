"""docker-compose.yml with real containers: build, start, train a model, classify an image, kill a worker, remove."""

import io
import os
import secrets
import shlex
import subprocess
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image

pytestmark = [pytest.mark.container, pytest.mark.timeout(3600)]

KILL_THE_SERVICE = """
import os
for child in open("/proc/1/task/1/children").read().split():
    os.kill(int(child), 9)
"""
"""Runs in a container, whose first process is an init process with the service as its child."""

ROOT = Path(__file__).parents[2]
COMPOSE = shlex.split(os.environ.get("NINEFOLD_COMPOSE", "docker compose"))
KEY = secrets.token_hex(16)
ENVIRONMENT = {
    **os.environ,
    "REDIS_PASSWORD": secrets.token_hex(16),
    "NINEFOLD_API_KEYS": f"tester:{KEY}",
}


def compose(*arguments: str, check: bool = True) -> None:
    subprocess.run([*COMPOSE, *arguments], cwd=ROOT, env=ENVIRONMENT, check=check)


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    compose("build")
    compose("up", "-d")
    try:
        headers = {"Authorization": f"Bearer {KEY}"}
        with httpx.Client(base_url="http://127.0.0.1:8000", headers=headers) as client:
            wait_until_ready(client)
            yield client
    finally:
        compose("down", "-v")


def wait_until_ready(client: httpx.Client) -> None:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        try:
            if client.get("/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(1)
    pytest.fail("the service was not ready within 180 s")


def test_an_api_key_is_required(http: httpx.Client) -> None:
    assert httpx.get(http.base_url.join("/jobs")).status_code == 401


@pytest.mark.usefixtures("http")
@pytest.mark.parametrize("worker", ["worker", "worker-light"])
def test_the_health_check_of_the_worker_passes(worker: str) -> None:
    compose("exec", "-T", worker, "python", "/opt/ninefold/worker_health.py")


def test_a_zip_is_imported(http: httpx.Client) -> None:
    upload = io.BytesIO()
    with zipfile.ZipFile(upload, "w") as archive:
        for number in range(20):
            image = io.BytesIO()
            Image.new("L", (8, 8), number * 10).save(image, "PNG")
            archive.writestr(f"{'dark' if number < 10 else 'bright'}/{number}.png", image.getvalue())
    answer = http.post(
        "/datasets", params={"name": "greys", "wait_s": 60}, content=upload.getvalue(), timeout=90
    )
    assert answer.status_code == 201, answer.text
    assert answer.json()["images"] == 20


def test_a_job_trains_and_its_model_classifies(http: httpx.Client) -> None:
    posted = http.post("/jobs", json={"dataset": "digits", "epochs": 2})
    assert posted.status_code == 202, posted.text
    job = posted.json()
    while job["status"] in {"queued", "running"}:
        job = http.get(f"/jobs/{job['id']}", params={"wait_s": 30}, timeout=60).json()
    assert job["status"] == "succeeded", job["error"]

    image = io.BytesIO()
    Image.new("L", (8, 8), 128).save(image, "PNG")
    answer = http.post(
        "/predict", content=image.getvalue(), headers={"Content-Type": "image/png"}, timeout=60
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["model"]["id"] == job["result"]["model"]["id"]


def test_a_worker_that_dies_is_started_again_and_its_job_goes_on(http: httpx.Client) -> None:
    job_id = http.post("/jobs", json={"dataset": "digits", "epochs": 1000}).json()["id"]
    assert attempts_of_running(http, job_id) == 1
    compose("exec", "-T", "worker", "python", "-c", KILL_THE_SERVICE, check=False)  # the command dies too
    deadline = time.monotonic() + 180
    while attempts_of_running(http, job_id) < 2:
        assert time.monotonic() < deadline, "no worker took the job again within 180 s"
        time.sleep(1)
    http.post(f"/jobs/{job_id}/cancel").raise_for_status()
    assert http.get(f"/jobs/{job_id}", params={"wait_s": 60}, timeout=90).json()["status"] == "cancelled"


def attempts_of_running(client: httpx.Client, job_id: str) -> int:
    """Wait until the job runs, at most a minute; return how many attempts it has had."""
    job = client.get(f"/jobs/{job_id}").json()
    if job["status"] == "queued":
        job = client.get(f"/jobs/{job_id}", params={"wait_s": 60}, timeout=90).json()
    return len(job["attempts"])
