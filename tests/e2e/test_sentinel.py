"""When the primary dies, workers and API follow the Sentinels to the new primary, busy or idle."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from api.settings import ApiSettings
from ninefold import Client
from tests.api.serving import running_api
from tests.ninefold.processes import eventually
from tests.worker.redis_server.sentinels import Sentinels, running_sentinels
from tests.worker.worker_processes import WorkerProcess, running_worker

LONG_EPOCHS = 60
"""12 seconds, more than a failover takes."""
FAILOVER_S = 60
RUN_S = 90

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def sentinels() -> Iterator[Sentinels]:
    with running_sentinels() as sentinels:
        yield sentinels


@pytest.fixture
def client(sentinels: Sentinels, tmp_path: Path) -> Iterator[Client]:
    settings = ApiSettings(
        redis_url=sentinels.url,
        storage=(tmp_path / "storage").as_uri(),
        runtime_dir=Path("/tmp/nf-no-predictor"),  # noqa: S108  # no predictor listens there
    )
    with running_api(settings) as url, Client(url) as client:
        yield client


@pytest.fixture
def workers(sentinels: Sentinels, tmp_path: Path) -> Iterator[list[WorkerProcess]]:
    with running_worker(sentinels.url, tmp_path) as first, running_worker(sentinels.url, tmp_path) as second:
        yield [first, second]


def _has_row(client: Client, job_id: str) -> bool:
    return client.job(job_id)["metrics"] is not None


def _is_redis_ok(client: Client) -> bool:
    answer = httpx.get(f"{client.url}/readyz", timeout=10).json()
    return bool(answer["redis"] == "ok")


def _check_succeeds(client: Client, job_id: str, epochs: int) -> None:
    eventually(lambda: client.job(job_id)["finished_at"], RUN_S, "the job ends")
    job = client.job(job_id)
    assert [attempt["outcome"] for attempt in job["attempts"]] == ["succeeded"], job
    assert [row["epoch"] for row in client.metrics(job_id)] == list(range(1, epochs + 1))
    kinds = [event.kind for event in client.events(job_id)]
    assert kinds.count("epoch") == epochs
    assert kinds[-1] == "end"


def test_running_and_queued_jobs_go_on_after_a_failover(
    sentinels: Sentinels, client: Client, workers: list[WorkerProcess]
) -> None:
    running = [client.submit("digits", epochs=LONG_EPOCHS)["id"] for _ in workers]
    queued = client.submit("digits", epochs=1)["id"]
    for job_id in running:
        eventually(lambda j=job_id: _has_row(client, j), RUN_S, "the job has an epoch")  # type: ignore[misc]
    sentinels.kill_primary()
    sentinels.wait_for_failover()
    eventually(lambda: _is_redis_ok(client), FAILOVER_S, "the API reads the new primary")
    for job_id in running:
        _check_succeeds(client, job_id, LONG_EPOCHS)
    _check_succeeds(client, queued, 1)
    # Now the workers are idle: they hear of a job only through Celery's broker, which must have followed too.
    _check_succeeds(client, client.submit("digits", epochs=1)["id"], 1)
    assert all(worker.is_running for worker in workers)


@pytest.mark.chaos  # in every run the test above submits a job to idle workers that have lived through a failover
def test_idle_workers_run_a_job_that_is_submitted_after_a_failover(
    sentinels: Sentinels, client: Client, workers: list[WorkerProcess]
) -> None:
    """An idle worker hears of the job only through Celery's broker, which must have followed too."""
    sentinels.kill_primary()
    sentinels.wait_for_failover()
    job_id = client.submit("digits", epochs=1)["id"]
    _check_succeeds(client, job_id, 1)
    assert all(worker.is_running for worker in workers)
    assert len(client.workers()) == len(workers)
