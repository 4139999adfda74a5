"""Which jobs are archived, when, and that no data is lost."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from model.errors import StorageError
from model.storage.interface import Storage
from model.storage.opening import open_storage
from tests.worker.imported import claim_import, dataset_record, import_record, new_import
from tests.worker.samples import claim, make_job, publish, row
from worker.errors import JobNotFoundError
from worker.queue.archive import JobArchive
from worker.queue.attempt_messages import TrainingReport
from worker.queue.records import JobError
from worker.queue.states import Outcome
from worker.queue.store import JobStore
from worker.registry.datasets import DatasetRegistry
from worker.upkeep.archiver import JobArchiver

DAYS = 30


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return open_storage((tmp_path / "storage").as_uri())


def archiver(
    store: JobStore, storage: Storage, days_from_now: float, after_days: float = DAYS
) -> JobArchiver:
    later = datetime.now(UTC) + timedelta(days=days_from_now)
    return JobArchiver(store, lambda _: storage, after_days, clock=lambda: later)


def fail_a_job(store: JobStore, storage: Storage) -> str:
    store.submit(make_job(name="failing", tags=["old"]))
    job_id, attempt_id = claim(store)
    storage.put_bytes(f"checkpoints/{job_id}/1/epoch-1", b"state")
    store.report(job_id, attempt_id, 1, TrainingReport(rows=(row(1), row(2)), log_lines=("one", "two")))
    store.finish(job_id, attempt_id, Outcome.FAILED, JobError(code="training_diverged", message="."))
    return job_id


def test_an_old_job_is_archived_completely_and_leaves_no_key_in_redis(
    store: JobStore, storage: Storage
) -> None:
    empty = set(store.redis.scan_iter())
    job_id = fail_a_job(store, storage)
    before = json.loads(store.get_json(job_id))
    assert archiver(store, storage, DAYS + 0.1).archive_old_jobs() == [job_id]

    archived = JobArchive(storage).read(job_id)
    assert (archived.job, archived.rows, archived.log_lines) == (
        before,
        [row(1), row(2)],
        ["one", "two"],
    )
    with pytest.raises(JobNotFoundError):
        store.get(job_id)
    expiring = {key for key in store.redis.scan_iter() if store.redis.ttl(key) >= 0}
    assert set(store.redis.scan_iter()) - empty - expiring == {"ninefold:feed", "ninefold:submitted"}
    assert storage.list() == [f"archive/jobs/{job_id}.json"]


@pytest.mark.parametrize(("days", "after_days"), [(DAYS - 0.1, DAYS), (1000, 0)])
def test_young_jobs_stay_and_zero_days_archives_nothing(
    store: JobStore, storage: Storage, days: float, after_days: float
) -> None:
    job_id = fail_a_job(store, storage)
    assert archiver(store, storage, days, after_days).archive_old_jobs() == []
    assert store.get(job_id).id == job_id


def test_a_job_of_another_project_is_archived_in_its_storage(store: JobStore, tmp_path: Path) -> None:
    job_id = store.submit(replace(make_job(), project="biology")).job_id
    store.cancel(job_id, "biology")

    def storage_of(project: str) -> Storage:
        return open_storage((tmp_path / project).as_uri())

    later = datetime.now(UTC) + timedelta(days=1000)
    assert JobArchiver(store, storage_of, DAYS, clock=lambda: later).archive_old_jobs() == [job_id]
    assert JobArchive(storage_of("biology")).read(job_id).job_id == job_id
    assert store.project_of(job_id) is None


def test_unfinished_jobs_stay_at_any_age(store: JobStore, storage: Storage) -> None:
    for _ in range(3):
        store.submit(make_job())
    paused, attempt_id = claim(store)
    store.pause(paused)
    store.requeue(paused, attempt_id, Outcome.PAUSED)
    claim(store)
    assert archiver(store, storage, 1000).archive_old_jobs() == []
    assert len(store.list_jobs().jobs) == 3


def test_a_backlog_larger_than_a_page_is_archived_in_one_call(store: JobStore, storage: Storage) -> None:
    for _ in range(120):
        publish(store)
    assert len(archiver(store, storage, DAYS + 1).archive_old_jobs()) == 120
    assert store.list_jobs().jobs == []


def test_an_archiver_that_died_before_deleting_is_completed_by_the_next(
    store: JobStore, storage: Storage
) -> None:
    job_id = fail_a_job(store, storage)
    archiver(store, storage, 1000)._put(job_id, storage)
    assert store.get(job_id).id == job_id
    assert archiver(store, storage, 1000).archive_old_jobs() == [job_id]
    assert JobArchive(storage).read(job_id).job_id == job_id


def test_a_job_that_cannot_be_written_is_not_deleted(
    store: JobStore, storage: Storage, tmp_path: Path
) -> None:
    job_id = fail_a_job(store, storage)
    (tmp_path / "storage" / "archive").write_text("a file where the folder should be")
    with pytest.raises(StorageError):
        archiver(store, storage, 1000).archive_old_jobs()
    assert store.get(job_id).id == job_id


def test_an_archived_job_can_be_deleted_once(store: JobStore, storage: Storage) -> None:
    job_id = fail_a_job(store, storage)
    archiver(store, storage, 1000).archive_old_jobs()
    JobArchive(storage).delete(job_id)
    with pytest.raises(JobNotFoundError):
        JobArchive(storage).delete(job_id)
    with pytest.raises(JobNotFoundError):
        JobArchive(storage).read(job_id)


def test_old_imports_are_deleted_once_they_are_settled(store: JobStore, storage: Storage) -> None:
    dataset = import_record(store, dataset_record())
    store.submit_import(new_import("birds"))
    rejected, attempt_id = claim_import(store)
    why = JobError(code="dataset_rejected", message="no images")
    store.finish(rejected, attempt_id, Outcome.FAILED, why)
    made = DatasetRegistry(store.redis).get("pets")
    assert archiver(store, storage, DAYS - 1).delete_old_imports() == []
    deleted = archiver(store, storage, DAYS + 1).delete_old_imports()
    assert len(deleted) == 1
    assert rejected not in deleted  # its upload may still be in storage
    store.note_settled(rejected)
    assert archiver(store, storage, DAYS + 1).delete_old_imports() == [rejected]
    assert store.list_imports() == []
    assert DatasetRegistry(store.redis).get("pets") == made == dataset
