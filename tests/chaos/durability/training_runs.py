"""Trains one spec on one dataset with the real network, again and again, interrupted in different ways."""

import hashlib
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from model.recipes.defaults import resolve
from model.spec import ExtendedFrom, JobSpec
from model.storage.opening import open_storage
from tests.model.tiny_training import TIMINGS, import_colours
from tests.stored import stored_path
from tests.worker.processes import children_of, wait_until
from tests.worker.worker_context import BackgroundAttempt, open_worker_context, run_next
from worker.errors import WorkerError
from worker.queue.calls.trainings import NewJob
from worker.queue.records import EpochRow, JobResult
from worker.queue.states import Outcome, Phase, Status
from worker.queue.store import JobStore

EPOCHS = 4


@dataclass(frozen=True)
class Trained:
    """The result of a run."""

    weights_sha256: str
    rows: list[dict[str, object]]
    outcomes: list[str | None]


def without_timings(row: EpochRow) -> dict[str, object]:
    return row.model_dump(exclude=set(TIMINGS))


class TrainingRuns:
    """Runs attempts in the test's own process, with real trainer processes."""

    def __init__(self, store: JobStore, folder: Path, batch_size: int = 8) -> None:
        """An epoch has 48 images; `batch_size` decides the number of its steps."""
        self.store = store
        self._folder = folder
        self.storage = open_storage((folder / "storage").as_uri())
        facts = import_colours(folder / "images", self.storage)
        given = {
            "dataset": facts.id,
            "epochs": EPOCHS,
            "batch_size": batch_size,
            "image_size": 16,
            "promote": "never",
        }
        self._spec, _ = resolve(JobSpec.model_validate(given), facts, "cpu")

    def submit(self) -> str:
        return self.store.submit(NewJob(self._spec)).job_id

    def submit_longer(self, job_id: str, epochs: int) -> str:
        """Submit a job that continues a succeeded one for this many epochs."""
        result = self.result_of(job_id)
        total = EPOCHS + epochs
        source = ExtendedFrom(job=job_id, model=result.model.id, epochs=EPOCHS, progress=EPOCHS / total)
        spec = self._spec.model_copy(update={"epochs": total, "extended_from": source})
        return self.store.submit(NewJob(spec)).job_id

    def run(self, trainer: tuple[str, ...] = ("frequent_checkpoints",)) -> None:
        """Run one attempt; `trainer` is a module of tests/worker/fixtures and its arguments."""
        with open_worker_context(self.store, self._folder, trainer, keeps_states=True) as context:
            run_next(context)

    def run_uninterrupted(self) -> Trained:
        """Submit a job and return the result of its only attempt."""
        job_id = self.submit()
        self.run()
        trained = self.result(job_id)
        assert trained.outcomes == [Outcome.SUCCEEDED]
        return trained

    def run_interrupted(self, job_id: str, how: str, after_s: float) -> None:
        """Run one attempt and interrupt it `after_s` after its training began, unless it finishes earlier.

        `how` is kill, drain or pause.
        """
        with open_worker_context(self.store, self._folder, ("frequent_checkpoints",)) as context:
            attempt = BackgroundAttempt(context)
            wait_until(lambda: not attempt.is_running or self._is_training(job_id), 90)
            time.sleep(after_s)
            match how:
                case "kill":
                    for pid in children_of(os.getpid(), "frequent_checkpoints"):
                        os.kill(pid, 9)
                case "drain":
                    context.drain.request()
                case "pause":
                    with suppress(WorkerError):  # the job may have finished just now
                        self.store.pause(job_id)
            attempt.outcome(within_s=90)
        if self.store.get(job_id).status is Status.PAUSED:
            self.store.resume(job_id)

    def result_of(self, job_id: str) -> JobResult:
        job = self.store.get(job_id)
        assert job.status is Status.SUCCEEDED, job.error
        assert job.result
        return job.result

    def result(self, job_id: str) -> Trained:
        job = self.store.get(job_id)
        weights = stored_path(self.storage, f"models/{self.result_of(job_id).model.id}/model.safetensors")
        return Trained(
            weights_sha256=hashlib.sha256(weights.read_bytes()).hexdigest(),
            rows=[without_timings(row) for row in self.store.rows(job_id)],
            outcomes=[attempt.outcome for attempt in job.attempts],
        )

    def _is_training(self, job_id: str) -> bool:
        return self.store.get(job_id).phase is Phase.TRAINING


def assert_same(trained: Trained, expected: Trained) -> None:
    """Assert that two runs made the same weights, bit for bit, and the same rows."""
    assert trained.weights_sha256 == expected.weights_sha256, trained.outcomes
    assert trained.rows == expected.rows, trained.outcomes
