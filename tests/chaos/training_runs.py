"""One dataset and one spec, trained again and again by the real network, each time disturbed in another way."""

import hashlib
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from model.recipes.defaults import resolve
from model.spec import JobSpec
from model.storage.opening import open_storage
from tests.model.tiny import TIMINGS, import_colours
from tests.stored import stored_path
from tests.worker.processes import children_of, wait_until
from tests.worker.worker_context import BackgroundAttempt, open_worker_context, run_next
from worker.errors import WorkerError
from worker.queue.records import EpochRow
from worker.queue.requests import NewJob
from worker.queue.states import Outcome, Phase, Status
from worker.queue.store import JobStore

EPOCHS = 4


@dataclass(frozen=True)
class Trained:
    """What a run came to."""

    weights_sha256: str
    rows: list[dict[str, object]]
    outcomes: list[Outcome | None]


def untimed(row: EpochRow) -> dict[str, object]:
    return row.model_dump(exclude=set(TIMINGS))


class Laboratory:
    """Runs attempts in the test's own process, each with a real trainer."""

    def __init__(self, store: JobStore, folder: Path) -> None:
        self.store = store
        self._folder = folder
        self.storage = open_storage((folder / "storage").as_uri())
        facts = import_colours(folder / "images", self.storage)
        given = {"dataset": facts.id, "epochs": EPOCHS, "batch_size": 8, "image_size": 16, "promote": "never"}
        self._spec, _ = resolve(JobSpec.model_validate(given), facts, "cpu")

    def submit(self) -> str:
        return self.store.submit(NewJob(self._spec)).job_id

    def run(self, trainer: tuple[str, ...] = ("frequent_checkpoints",)) -> None:
        """One attempt, with a trainer that may have an end of its own."""
        with open_worker_context(self.store, self._folder, trainer) as context:
            run_next(context)

    def undisturbed(self) -> Trained:
        """What one attempt makes of the spec."""
        job_id = self.submit()
        self.run()
        trained = self.result(job_id)
        assert trained.outcomes == [Outcome.SUCCEEDED]
        return trained

    def interrupt(self, job_id: str, way: str, after_s: float) -> None:
        """One attempt that ends so long after its training began, unless it was quicker."""
        with open_worker_context(self.store, self._folder, ("frequent_checkpoints",)) as context:
            attempt = BackgroundAttempt(context)
            wait_until(lambda: not attempt.is_running or self._is_training(job_id), 90)
            time.sleep(after_s)
            match way:
                case "kill":
                    for pid in children_of(os.getpid(), "frequent_checkpoints"):
                        os.kill(pid, 9)
                case "drain":
                    context.drain.request()
                case "pause":
                    with suppress(WorkerError):  # it may have ended just now
                        self.store.pause(job_id)
            attempt.outcome(within_s=90)
        if self.store.get(job_id).status is Status.PAUSED:
            self.store.resume(job_id)

    def result(self, job_id: str) -> Trained:
        job = self.store.get(job_id)
        assert job.status is Status.SUCCEEDED, job.error
        assert job.result
        weights = stored_path(self.storage, f"models/{job.result.model.id}/model.safetensors")
        return Trained(
            weights_sha256=hashlib.sha256(weights.read_bytes()).hexdigest(),
            rows=[untimed(row) for row in self.store.rows(job_id)],
            outcomes=[attempt.outcome for attempt in job.attempts],
        )

    def _is_training(self, job_id: str) -> bool:
        return self.store.get(job_id).phase is Phase.TRAINING


def assert_same(trained: Trained, expected: Trained) -> None:
    """Bit for bit, whatever came between."""
    assert trained.weights_sha256 == expected.weights_sha256, trained.outcomes
    assert trained.rows == expected.rows, trained.outcomes
