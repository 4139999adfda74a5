"""Jobs and attempts for tests: submits jobs over HTTP and plays the worker with the store's own calls."""

from dataclasses import dataclass

import httpx

from worker.queue.attempt_messages import TrainingReport
from worker.queue.ids import new_attempt_id
from worker.queue.records import EpochRow, JobError
from worker.queue.states import Outcome, Phase
from worker.queue.store import JobStore

DIGITS = {"dataset": "digits"}


@dataclass(frozen=True)
class Attempt:
    """An attempt that holds a claimed job."""

    store: JobStore
    job_id: str
    attempt_id: str

    def report(self, seq: int, *epochs: int) -> None:
        """Report one metrics row for each epoch."""
        rows = tuple(epoch_row(epoch) for epoch in epochs)
        self.store.report(self.job_id, self.attempt_id, seq, TrainingReport(phase=Phase.TRAINING, rows=rows))

    def fail(self) -> None:
        """Finish the job as failed."""
        error = JobError(code="training_diverged", message="The loss was not finite.")
        self.store.finish(self.job_id, self.attempt_id, Outcome.FAILED, error)


def epoch_row(epoch: int) -> EpochRow:
    """Make a metrics row."""
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


def submit(client: httpx.Client, **spec: object) -> str:
    """Submit a job over HTTP and return its id."""
    response = client.post("/jobs", json=DIGITS | spec)
    assert response.status_code == 202, response.text
    job_id: str = response.json()["id"]
    return job_id


def claim(store: JobStore) -> Attempt:
    """Claim the job at the head of the queue."""
    attempt_id = new_attempt_id()
    claimed = store.claim("host:1", attempt_id)
    assert claimed is not None
    return Attempt(store, claimed.item_id, attempt_id)
