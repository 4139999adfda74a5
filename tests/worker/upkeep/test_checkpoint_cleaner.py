"""The checkpoints of a job leave storage when the job has ended, however it ended, and not before."""

from collections.abc import Callable
from pathlib import Path

import pytest

from model.errors import StorageError
from model.storage.interface import Storage
from model.storage.local import LocalStorage
from model.storage.opening import open_storage
from tests.worker.samples import claim, draft, make_job
from worker.queue.attempt_messages import TrainingReport
from worker.queue.records import Checkpoint, JobError
from worker.queue.states import DEATHS_ALLOWED, Outcome, Status
from worker.queue.store import JobStore
from worker.upkeep.checkpoint_cleaner import CheckpointCleaner

ERROR = JobError(code="training_diverged", message=".")


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return open_storage((tmp_path / "storage").as_uri())


def run_with_checkpoint(store: JobStore, storage: Storage) -> tuple[str, str]:
    """Create a running job with a checkpoint; return the ids of the job and of the attempt."""
    store.submit(make_job())
    job_id, attempt_id = claim(store)
    checkpoint = Checkpoint(key=f"checkpoints/{job_id}/1/epoch-1", epoch=1, step=0)
    storage.put_bytes(checkpoint.key, b"state")
    store.report(job_id, attempt_id, 1, TrainingReport(checkpoint=checkpoint))
    return job_id, attempt_id


def cancel_when_paused(store: JobStore, job_id: str, attempt_id: str) -> None:
    store.pause(job_id)
    store.requeue(job_id, attempt_id, Outcome.PAUSED)
    store.cancel(job_id)


def cancel_when_queued_again(store: JobStore, job_id: str, attempt_id: str) -> None:
    store.requeue(job_id, attempt_id, Outcome.DRAINED)
    store.cancel(job_id)


def cancel_when_the_worker_is_dead(store: JobStore, job_id: str, attempt_id: str) -> None:
    store.cancel(job_id)
    store.reap(job_id, attempt_id, 1)  # its report renewed its lease


def die_too_often(store: JobStore, job_id: str, attempt_id: str) -> None:
    store.requeue(job_id, attempt_id, Outcome.CRASHED)
    for _ in range(DEATHS_ALLOWED - 1):
        _, attempt_id = claim(store)
        store.requeue(job_id, attempt_id, Outcome.CRASHED)


def fail(store: JobStore, job_id: str, attempt_id: str) -> None:
    store.finish(job_id, attempt_id, Outcome.FAILED, ERROR)


def succeed(store: JobStore, job_id: str, attempt_id: str) -> None:
    store.commit_publish(job_id, attempt_id, draft())
    store.succeed(job_id, attempt_id)


End = Callable[[JobStore, str, str], None]


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (cancel_when_paused, Status.CANCELLED),
        (cancel_when_queued_again, Status.CANCELLED),
        (cancel_when_the_worker_is_dead, Status.CANCELLED),
        (die_too_often, Status.FAILED),
        (fail, Status.FAILED),
        (succeed, Status.SUCCEEDED),
    ],
)
def test_the_checkpoints_of_an_ended_job_are_deleted(
    store: JobStore, storage: Storage, end: End, status: Status
) -> None:
    job_id, attempt_id = run_with_checkpoint(store, storage)
    end(store, job_id, attempt_id)
    assert store.get(job_id).status is status
    assert CheckpointCleaner(store, lambda _: storage).clean() == [job_id]
    assert storage.list("checkpoints/") == []
    assert CheckpointCleaner(store, lambda _: storage).clean() == []


def pause(store: JobStore, job_id: str, attempt_id: str) -> None:
    store.pause(job_id)
    store.requeue(job_id, attempt_id, Outcome.PAUSED)


def die_once(store: JobStore, job_id: str, attempt_id: str) -> None:
    store.requeue(job_id, attempt_id, Outcome.CRASHED)


def keep_running(store: JobStore, job_id: str, attempt_id: str) -> None:
    store.renew(job_id, attempt_id)


def ask_to_cancel(store: JobStore, job_id: str, attempt_id: str) -> None:
    store.cancel(job_id)


@pytest.mark.parametrize("proceed", [pause, die_once, keep_running, ask_to_cancel])
def test_the_checkpoints_of_an_unfinished_job_stay(store: JobStore, storage: Storage, proceed: End) -> None:
    job_id, attempt_id = run_with_checkpoint(store, storage)
    proceed(store, job_id, attempt_id)
    assert CheckpointCleaner(store, lambda _: storage).clean() == []
    assert len(storage.list("checkpoints/")) == 1


def test_checkpoints_that_could_not_be_deleted_are_deleted_later(
    store: JobStore, storage: Storage, tmp_path: Path
) -> None:
    class PartlyUnreachable(LocalStorage):
        def delete(self, key_or_prefix: str) -> None:
            if first in key_or_prefix:
                raise StorageError(f"Storage cannot delete {key_or_prefix!r}.")
            super().delete(key_or_prefix)

    jobs = [run_with_checkpoint(store, storage) for _ in range(2)]
    (first, _), (second, _) = jobs
    for job_id, attempt_id in jobs:
        fail(store, job_id, attempt_id)
    assert CheckpointCleaner(store, lambda _: PartlyUnreachable(tmp_path / "storage")).clean() == [second]
    assert CheckpointCleaner(store, lambda _: storage).clean() == [first]
    assert storage.list("checkpoints/") == []


def test_a_job_without_an_attempt_is_not_on_the_list(store: JobStore) -> None:
    store.cancel(store.submit(make_job()).job_id)
    assert store.ended_with_checkpoints() == []


def test_a_deleted_job_leaves_the_list(store: JobStore, storage: Storage) -> None:
    job_id, attempt_id = run_with_checkpoint(store, storage)
    fail(store, job_id, attempt_id)
    store.delete(job_id)
    assert store.ended_with_checkpoints() == []
