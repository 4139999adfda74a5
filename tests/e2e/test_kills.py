"""SIGKILL of each service process: the job still succeeds and the process is restarted."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.service import ENDLESS, Service, running_service
from tests.ninefold.processes import eventually

pytestmark = pytest.mark.timeout(500)
START_S = 150
"""A trainer may have to import torch on a busy machine."""
ALLOWANCE = 5
"""The documented 15 s are for an idle machine; tests allow this many times as long."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, tiny_folder: Path) -> Iterator[Service]:
    """A service of its own, so that its output speaks of these kills only."""
    with running_service(tmp_path_factory.mktemp("data"), tiny_folder) as service:
        yield service


def kill(service: Service, role: str) -> None:
    """Kill the processes of a role and wait until there are others."""
    killed = set(service.kill_role(role))
    eventually(lambda: set(service.pids(role)) - killed, 15 * ALLOWANCE, f"another {role}")
    if role in ("worker", "api", "valkey"):
        eventually(lambda: is_told(service, role), 60, f"`up` tells that it starts the {role} again")


def is_told(service: Service, role: str) -> bool:
    return any(line.startswith(role) and "starting it again" in line for line in service.output)


def is_training(service: Service, job_id: str, attempt: int) -> bool:
    """Whether this attempt, counted from 1, has recorded an epoch."""
    job = service.client.job(job_id)
    attempts = job["attempts"]
    if len(attempts) < attempt or job["status"] != "running":
        return False
    rows = service.client.metrics(job_id)
    return bool(rows) and rows[-1]["epoch"] > (attempts[-1]["from_epoch"] or 0)


def test_a_job_succeeds_although_its_trainer_and_its_worker_are_killed(service: Service) -> None:
    job_id = service.submit(ENDLESS)
    for number, role in enumerate(("trainer", "worker"), 1):
        eventually(lambda n=number: is_training(service, job_id, n), START_S, "it trains")  # type: ignore[misc]
        kill(service, role)
    eventually(lambda: is_training(service, job_id, 3), START_S, "it trains again")
    job = service.finish(job_id)
    assert [attempt["outcome"] for attempt in job["attempts"]] == ["crashed", "worker_lost", "stopped"]


def test_a_job_succeeds_and_is_served_although_the_other_processes_are_killed(
    service: Service, tiny_folder: Path
) -> None:
    job_id = service.submit(ENDLESS)
    service.wait_for_epoch(job_id, 1)
    for role in ("api", "valkey"):
        kill(service, role)
    service.finish(job_id)
    kill(service, "predictor")
    eventually(lambda: is_ready(service), 15 * ALLOWANCE, "ready again")
    answer = service.client.predict([tiny_folder / "0" / "0.png"], "tiny")
    assert answer["predictions"][0]["status"] == "ok"


def is_ready(service: Service) -> bool:
    return httpx.get(f"{service.url}/readyz").is_success
