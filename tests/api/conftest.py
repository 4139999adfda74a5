"""The API over real HTTP with an empty record, and a stand-in for a worker: the store's own calls."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import redis

from api.settings import ApiSettings
from tests.api.serving import running_api
from worker.queue.attempt_messages import Report
from worker.queue.ids import new_attempt_id
from worker.queue.records import EpochRow, JobError
from worker.queue.states import Outcome, Phase
from worker.queue.store import JobStore


@dataclass(frozen=True)
class Attempt:
    """A worker's hold on the job at the head of the queue."""

    store: JobStore
    job_id: str
    attempt_id: str

    def report(self, seq: int, *epochs: int) -> None:
        rows = tuple(epoch_row(epoch) for epoch in epochs)
        self.store.report(self.job_id, self.attempt_id, seq, Report(phase=Phase.TRAINING, rows=rows))

    def fail(self) -> None:
        error = JobError(code="training_diverged", message="The loss was not finite.")
        self.store.finish(self.job_id, self.attempt_id, Outcome.FAILED, error)


def epoch_row(epoch: int) -> EpochRow:
    return EpochRow(
        epoch=epoch,
        train_loss=1 / epoch,
        train_accuracy=0.5,
        val_loss=None,
        val_accuracy=0.25,
        learning_rate=1e-7,
        images_per_s=100.0,
        duration_s=0.5,
    )


def claim(store: JobStore) -> Attempt:
    attempt_id = new_attempt_id()
    claimed = store.claim("host:1", attempt_id)
    assert claimed is not None
    return Attempt(store, claimed.job_id, attempt_id)


@pytest.fixture(scope="module")
def settings(valkey_url: str, tmp_path_factory: pytest.TempPathFactory) -> ApiSettings:
    folder = tmp_path_factory.mktemp("api")
    return ApiSettings(
        redis_url=valkey_url,
        storage=(folder / "storage").as_uri(),
        cache_dir=folder / "cache",
        runtime_dir=Path("/tmp/nf-no-predictor"),  # noqa: S108  # nothing listens there
    )


@pytest.fixture(scope="module")
def url(settings: ApiSettings) -> Iterator[str]:
    with running_api(settings) as url:
        yield url


@pytest.fixture
def client(url: str, redis_url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, timeout=30) as client:
        yield client


@pytest.fixture
def store(redis_client: redis.Redis) -> JobStore:
    return JobStore(redis_client)
