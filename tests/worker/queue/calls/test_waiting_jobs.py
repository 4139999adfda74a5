"""Jobs that wait for the dataset of an import."""

from dataclasses import replace

import pytest

from model.spec import JobSpec, ResolvedSpec
from tests.worker.imported import claim_import, complete_import, dataset_record, new_import
from tests.worker.samples import claim, make_job, make_spec
from worker.errors import ImportEndedError, QueueFullError, WrongStateError
from worker.queue.attempt_messages import ClaimedJob
from worker.queue.calls.trainings import NewJob
from worker.queue.ids import new_attempt_id
from worker.queue.kinds import Lane
from worker.queue.records import Job, JobError
from worker.queue.states import Outcome, QueuedReason, Status
from worker.queue.store import JobStore
from worker.redis_server import keys as redis_keys

WHY = JobError(code="dataset_rejected", message="The dataset pets was not imported.")


@pytest.fixture
def import_id(store: JobStore) -> str:
    return store.submit_import(new_import("pets")).dataset_import.id


def submit_waiting(store: JobStore, import_id: str, **spec: object) -> Job:
    """Submit a job whose spec has open fields."""
    posted = JobSpec.model_validate({"dataset": "pets", "name": "pets", "epochs": 3} | spec)
    return store.submit(NewJob(posted, "alice", waits_for=import_id)).job


def release(store: JobStore, job_id: str, import_id: str, **spec: object) -> None:
    resolved = make_spec(dataset="ds_1", name="pets", **spec)
    store.release_waiting(job_id, import_id, resolved, ("few images",))


def claimed_job(store: JobStore, devices: int = 1) -> ClaimedJob | None:
    claimed = store.claim("host:1", new_attempt_id(), devices, (Lane.TRAINING,))
    assert claimed is None or isinstance(claimed, ClaimedJob)
    return claimed


def test_a_job_waits_until_its_dataset_is_ready(store: JobStore, import_id: str) -> None:
    job = submit_waiting(store, import_id)
    assert (job.status, job.queued_reason, job.queue_position) == (
        Status.QUEUED,
        QueuedReason.WAITING_FOR_DATASET,
        None,
    )
    assert isinstance(job.spec, JobSpec)
    assert not isinstance(job.spec, ResolvedSpec)
    assert job.recipe is None
    assert claimed_job(store) is None
    assert store.watch().lanes[Lane.TRAINING].queued == 0
    assert store.waiting_jobs(import_id) == [job.id]

    complete_import(store, dataset_record("ds_1", "pets"))
    assert claimed_job(store) is None
    release(store, job.id, import_id)
    ready = store.get(job.id)
    assert (ready.status, ready.queue_position) == (Status.QUEUED, 1)
    assert ready.warnings == ["few images"]
    assert ready.recipe is not None
    claimed = claimed_job(store)
    assert claimed is not None
    assert claimed.spec == make_spec(dataset="ds_1", name="pets")
    assert claimed.recipe == ready.recipe
    assert store.waiting_jobs(import_id) == []


def test_a_released_job_has_its_place_by_submission_and_its_width(store: JobStore, import_id: str) -> None:
    waiting = submit_waiting(store, import_id, gpus=2)
    later = store.submit(make_job()).job_id
    release(store, waiting.id, import_id, gpus=2)
    assert [store.get(job_id).queue_position for job_id in (waiting.id, later)] == [1, 2]
    narrow, wide = claimed_job(store, 1), claimed_job(store, 2)
    assert narrow is not None
    assert wide is not None
    assert (narrow.item_id, wide.item_id) == (later, waiting.id)


def test_a_job_waits_with_a_setting_that_the_first_release_does_not_know(
    store: JobStore, import_id: str
) -> None:
    job = submit_waiting(store, import_id, patience=4)
    assert job.spec.patience == 4
    complete_import(store, dataset_record("ds_1", "pets"))
    release(store, job.id, import_id, patience=4)
    claimed = claimed_job(store)
    assert claimed is not None
    assert claimed.spec.patience == store.get(job.id).spec.patience == 4


def test_a_release_repeated_later_changes_nothing(store: JobStore, import_id: str) -> None:
    job = submit_waiting(store, import_id)
    release(store, job.id, import_id)
    job_id, attempt_id = claim(store)
    before = store.get_json(job_id)
    release(store, job_id, import_id)
    store.reject_waiting(job_id, import_id, WHY)
    assert store.get_json(job_id) == before
    store.renew(job_id, attempt_id)


def test_a_job_is_found_under_its_dataset_once_it_is_released(store: JobStore, import_id: str) -> None:
    job = submit_waiting(store, import_id)
    assert store.redis.zrange(redis_keys.JOBS_BY_DATASET + "pets", 0, -1) == [job.id]
    release(store, job.id, import_id)
    assert store.redis.zrange(redis_keys.JOBS_BY_DATASET + "ds_1", 0, -1) == [job.id]
    assert not store.redis.exists(redis_keys.JOBS_BY_DATASET + "pets")


def test_a_job_of_a_rejected_dataset_fails_with_the_reason(store: JobStore, import_id: str) -> None:
    job = submit_waiting(store, import_id)
    store.reject_waiting(job.id, import_id, WHY)
    store.reject_waiting(job.id, import_id, WHY)
    failed = store.get(job.id)
    assert (failed.status, failed.error, failed.attempts) == (Status.FAILED, WHY, [])
    assert [event.event for event in store.events(job.id).events] == ["state", "state", "end"]
    assert store.waiting_jobs(import_id) == []
    store.delete(job.id)
    assert list(store.redis.scan_iter(f"*{job.id}*")) == []


def test_a_waiting_job_is_cancelled_at_once(store: JobStore, import_id: str) -> None:
    job = submit_waiting(store, import_id)
    assert store.cancel(job.id).status is Status.CANCELLED
    release(store, job.id, import_id)
    store.reject_waiting(job.id, import_id, WHY)
    assert store.get(job.id).status is Status.CANCELLED
    assert store.waiting_jobs(import_id) == []
    assert claimed_job(store) is None


def test_a_deleted_job_no_longer_waits(store: JobStore, import_id: str) -> None:
    job = submit_waiting(store, import_id)
    store.cancel(job.id)
    store.delete(job.id)
    assert store.waiting_jobs(import_id) == []


def test_a_waiting_job_that_is_paused_and_resumed_still_waits(store: JobStore, import_id: str) -> None:
    job = submit_waiting(store, import_id)
    assert store.pause(job.id).status is Status.PAUSED
    resumed = store.resume(job.id)
    assert (resumed.status, resumed.queued_reason) == (Status.QUEUED, QueuedReason.WAITING_FOR_DATASET)
    assert claimed_job(store) is None
    release(store, job.id, import_id)
    claimed = claimed_job(store)
    assert claimed is not None
    assert claimed.item_id == job.id


def test_a_job_that_is_paused_while_its_dataset_becomes_ready_runs_once_resumed(
    store: JobStore, import_id: str
) -> None:
    job = submit_waiting(store, import_id)
    store.pause(job.id)
    release(store, job.id, import_id)
    assert store.get(job.id).status is Status.PAUSED
    assert claimed_job(store) is None
    assert store.resume(job.id).queue_position == 1
    assert claimed_job(store) is not None


def test_a_paused_job_fails_when_its_dataset_is_rejected(store: JobStore, import_id: str) -> None:
    job = submit_waiting(store, import_id)
    store.pause(job.id)
    store.reject_waiting(job.id, import_id, WHY)
    assert store.get(job.id).status is Status.FAILED
    with pytest.raises(WrongStateError):
        store.resume(job.id)


@pytest.mark.parametrize("end", ["succeeded", "failed", "cancelled", "deleted", "unknown"])
def test_no_job_waits_for_an_import_that_has_ended(store: JobStore, import_id: str, end: str) -> None:
    """The caller resolved the dataset before the import ended, and must resolve it again."""
    match end:
        case "succeeded":
            complete_import(store, dataset_record("ds_1", "pets"))
        case "failed":
            store.finish(*claim_import(store), Outcome.FAILED, WHY)
        case "cancelled" | "deleted":
            store.cancel_item(import_id)
            if end == "deleted":
                store.delete(import_id)
        case _:
            import_id = "imp_none"
    before = store.redis.dbsize()
    with pytest.raises(ImportEndedError):
        submit_waiting(store, import_id)
    assert store.list_jobs().jobs == []
    assert store.redis.dbsize() == before
    assert not store.redis.exists(redis_keys.WAITING + import_id)


def test_waiting_jobs_count_as_queued(store: JobStore, import_id: str) -> None:
    submit_waiting(store, import_id)
    with pytest.raises(QueueFullError):
        store.submit(make_job(), queue_limit=1)
    assert store.watch().lanes[Lane.TRAINING].queued == 0  # no worker can claim it


def test_a_waiting_job_of_a_priority_is_released_with_it(store: JobStore, import_id: str) -> None:
    store.submit(make_job())
    posted = JobSpec.model_validate({"dataset": "pets", "name": "pets"})
    urgent = store.submit(replace(NewJob(posted), priority=1, waits_for=import_id)).job_id
    release(store, urgent, import_id)
    assert store.get(urgent).queue_position == 1
