"""R6: a run that was killed, drained and paused at any step ends in the very weights and rows of an undisturbed one."""

import hashlib
import os
import random
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

from model.recipe import resolve
from model.spec import JobSpec
from model.storage import open_storage
from tests.model.tiny import import_colours
from tests.worker.benches import Background, children_of, open_bench, run_next, wait_until
from worker.errors import JobsError
from worker.job_store import JobStore
from worker.jobs import EpochRow, NewJob, Outcome, Phase, Status

EPOCHS = 4
INTERRUPTED_WITHIN_S = 1.2
"""Of the run, which takes about two seconds of training: at its start, within epochs, between them."""


@dataclass(frozen=True)
class Trained:
    """What a run came to."""

    weights_sha256: str
    rows: list[dict[str, object]]
    outcomes: list[Outcome | None]


@pytest.fixture
def store(redis_client: redis.Redis) -> JobStore:
    return JobStore(redis_client)


def untimed(row: EpochRow) -> dict[str, object]:
    return row.model_dump(exclude={"duration_s", "images_per_s"})


class Laboratory:
    """One dataset and one spec, trained again and again."""

    def __init__(self, store: JobStore, folder: Path) -> None:
        self.store = store
        self._folder = folder
        storage = open_storage((folder / "storage").as_uri())
        facts = import_colours(folder / "images", storage)
        given = {"dataset": facts.id, "epochs": EPOCHS, "batch_size": 8, "image_size": 16, "promote": "never"}
        self._spec, _ = resolve(JobSpec.model_validate(given), facts, "cpu")

    def submit(self) -> str:
        return self.store.submit(NewJob(self._spec)).job_id

    def run(self) -> None:
        """One attempt, undisturbed."""
        with open_bench(self.store, self._folder, ("eager",)) as bench:
            run_next(bench)

    def interrupt(self, job_id: str, way: str, after_s: float) -> None:
        """One attempt that ends so long after its training began, unless it was quicker."""
        with open_bench(self.store, self._folder, ("eager",)) as bench:
            attempt = Background(bench)
            wait_until(lambda: not attempt.is_running or self._is_training(job_id), 90)
            time.sleep(after_s)
            match way:
                case "kill":
                    for pid in children_of(os.getpid(), "eager"):
                        os.kill(pid, 9)
                case "drain":
                    bench.draining.begin()
                case "pause":
                    with suppress(JobsError):  # it may have ended just now
                        self.store.pause(job_id)
            attempt.outcome(within_s=90)
        if self.store.get(job_id).status is Status.PAUSED:
            self.store.resume(job_id)

    def result(self, job_id: str) -> Trained:
        job = self.store.get(job_id)
        assert job.status is Status.SUCCEEDED, job.error
        assert job.result
        storage = open_storage((self._folder / "storage").as_uri())
        weights = storage.local_path(f"models/{job.result.model.id}/model.safetensors")
        return Trained(
            weights_sha256=hashlib.sha256(weights.read_bytes()).hexdigest(),
            rows=[untimed(row) for row in self.store.rows(job_id)],
            outcomes=[attempt.outcome for attempt in job.attempts],
        )

    def _is_training(self, job_id: str) -> bool:
        return self.store.get(job_id).phase is Phase.TRAINING


@pytest.mark.timeout(900)
@pytest.mark.parametrize("interruptions", [1, pytest.param(20, marks=pytest.mark.chaos)])
def test_a_run_that_was_interrupted_again_and_again_is_the_undisturbed_one(
    store: JobStore, tmp_path: Path, interruptions: int
) -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}")  # noqa: T201  # shown when it fails
    chance = random.Random(seed)  # noqa: S311  # a seed is the point
    laboratory = Laboratory(store, tmp_path)
    calm = laboratory.submit()
    laboratory.run()
    expected = laboratory.result(calm)
    assert expected.outcomes == [Outcome.SUCCEEDED]

    done = 0
    while done < interruptions:  # as many jobs as it takes
        job_id = laboratory.submit()
        while done < interruptions and store.get(job_id).status is Status.QUEUED:
            way = ("kill", "drain", "pause")[done % 3]
            laboratory.interrupt(job_id, way, chance.uniform(0, INTERRUPTED_WITHIN_S))
            done += 1
        while store.get(job_id).status is Status.QUEUED:
            laboratory.run()
        trained = laboratory.result(job_id)
        assert trained.weights_sha256 == expected.weights_sha256, trained.outcomes
        assert trained.rows == expected.rows, trained.outcomes
