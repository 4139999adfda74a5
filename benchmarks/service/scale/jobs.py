"""The simulated jobs: what a worker and its trainer would tell the store, sent without waiting."""

import random
from typing import Any

from model.spec import ResolvedSpec
from tests.worker.samples import SPEC, claim, draft
from worker.queue.attempt_messages import TrainingReport
from worker.queue.calls.trainings import NewJob
from worker.queue.ids import new_model_id
from worker.queue.packed_history import Event
from worker.queue.records import Best, Checkpoint, EpochRow, Progress
from worker.queue.states import Phase
from worker.queue.store import JobStore

UNLIMITED = 10**9
_CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
_PACKAGES = ["ninefold", "torch", "torchvision", "numpy", "pillow", "safetensors"]


def submit(store: JobStore, **changes: object) -> str:
    """Submit a job however many are queued; return its id."""
    spec = ResolvedSpec.model_validate(
        SPEC | {"name": "cifar10", "dataset": "cifar10", "epochs": 20} | changes
    )
    return store.submit(NewJob(spec, created_by="alice"), queue_limit=UNLIMITED).job_id


def progress(epoch: int, epochs: int, fraction: float) -> TrainingReport:
    """The report that a trainer sends about once a second."""
    done = Progress(epoch=epoch, epochs=epochs, fraction=fraction, images_per_s=1234.5, eta_s=287.5)
    return TrainingReport(progress=done)


class SimulatedTraining:
    """One attempt at the first queued job, from the claim to the published model."""

    def __init__(self, store: JobStore) -> None:
        self._store = store
        self.job_id, self._attempt_id = claim(store)
        self.model_id = new_model_id()
        self._seq = 0

    def run(self, epochs: int, progress_per_epoch: int = 30) -> None:
        """Report epochs of half a minute, with a report of progress each second, and publish the model."""
        self._report(TrainingReport(phase=Phase.PREPARING_DATA, log_lines=tuple(map(_log_line, range(5)))))
        self._report(TrainingReport(phase=Phase.TRAINING))
        for epoch in range(1, epochs + 1):
            self._run_epoch(epoch, epochs, progress_per_epoch)
        for phase in (Phase.EVALUATING, Phase.PUBLISHING):
            self._report(TrainingReport(phase=phase))
        self._store.commit_publish(self.job_id, self._attempt_id, _manifest_draft(self.job_id, self.model_id))
        self._store.succeed(self.job_id, self._attempt_id)
        self._store.note_checkpoints_deleted(self.job_id)

    def _run_epoch(self, epoch: int, epochs: int, reports: int) -> None:
        for number in range(reports):
            self._report(progress(epoch, epochs, (epoch - 1 + number / reports) / epochs))
        best = Best(epoch=epoch, val_accuracy=0.9 + epoch / 1000)
        key = f"checkpoints/{self.job_id}/{self._attempt_id}/{epoch:06}-{0:08}"
        checkpoint = Checkpoint(key=key, epoch=epoch, step=0, best_key=key)
        self._report(TrainingReport(rows=(_row(epoch),), bests=(best,), log_lines=(_log_line(epoch),)))
        self._report(TrainingReport(checkpoint=checkpoint))

    def _report(self, report: TrainingReport) -> None:
        self._seq += 1
        self._store.report(self.job_id, self._attempt_id, self._seq, report)


def replayed_events(store: JobStore, job_id: str) -> list[Event]:
    """Return all events that a client receives which watches the job from its beginning."""
    replayed: list[Event] = []
    while events := store.events(job_id, replayed[-1].id if replayed else "").events:
        replayed += events
    return replayed


def _log_line(number: int) -> str:
    return f"INFO model.training: line {number} of the trainer, with about eighty characters in it."


def _row(epoch: int) -> EpochRow:
    """Metrics with as many digits as a trainer reports, which are not the same in each epoch."""
    noise = random.Random(epoch)  # noqa: S311 - no secret
    numbers = {
        "train_loss": 0.7 / epoch,
        "train_accuracy": 0.8,
        "val_loss": 0.5,
        "val_accuracy": 0.9,
        "learning_rate": 0.01,
        "images_per_s": 1234.0,
        "duration_s": 29.0,
        "gradient_norm": 1.2,
        "data_share": 0.01,
        "peak_memory_mb": 2712.0,
    }
    digits = {name: float(f"{value * noise.uniform(0.9, 1.1):.7g}") for name, value in numbers.items()}
    return EpochRow.model_validate({"epoch": epoch} | digits)


def _manifest_draft(job_id: str, model_id: str) -> dict[str, Any]:
    files = ("model.safetensors", "report.json", "model.onnx", "predictions.json")
    return draft(model_id, "cifar10") | {
        "job_id": job_id,
        "classes": _CLASSES,
        "files": {file: {"sha256": "0123456789abcdef" * 4, "size_bytes": 26_000_000} for file in files},
        "versions": dict.fromkeys(_PACKAGES, "2.10.0+cpu"),
        "lineage": {"checkpoint": None, "host": "host", "devices": ["cpu"]},
    }
