"""What follows the end of an import: its waiting jobs are queued or failed, and its upload is deleted."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from model.spec import JobSpec, ResolvedSpec
from model.storage.opening import open_storage
from tests.api.published import publish_model
from tests.worker.imported import claim_import, complete_import, dataset_record, new_import
from tests.worker.kinds.dataset_import.uploads import storage_of, submit_upload
from tests.worker.queue.test_live_workers import record as worker_record
from tests.worker.samples import claim
from worker.kinds.dataset_import.settlement import ImportSettlement
from worker.queue.calls.listing import JobFilters
from worker.queue.calls.trainings import NewJob
from worker.queue.ids import upload_key
from worker.queue.kinds import Lane
from worker.queue.live_workers import LiveWorkers
from worker.queue.records import JobError
from worker.queue.states import Outcome, Status
from worker.queue.store import JobStore
from worker.redis_server import keys as redis_keys
from worker.redis_server.projects import storage_url
from worker.registry.model_registry import ModelRegistry

WHY = JobError(code="dataset_rejected", message="At least 2 classes are needed, 0 found.")


@pytest.fixture
def settlement(store: JobStore, tmp_path: Path) -> ImportSettlement:
    return ImportSettlement(store, (tmp_path / "storage").as_uri())


def submit_waiting(store: JobStore, import_id: str, **spec: object) -> str:
    posted = JobSpec.model_validate({"dataset": "pets", "name": "pets"} | spec)
    return store.submit(NewJob(posted, "alice", waits_for=import_id)).job_id


def succeed(store: JobStore) -> None:
    complete_import(store, dataset_record("ds_1", "pets"))


def fail(store: JobStore) -> None:
    store.finish(*claim_import(store), Outcome.FAILED, WHY)


def cancel(store: JobStore) -> None:
    [pending] = store.list_imports()
    store.cancel_item(pending.id)


@pytest.mark.parametrize("end", [succeed, fail, cancel])
def test_the_upload_of_an_ended_import_is_deleted(
    store: JobStore, settlement: ImportSettlement, tmp_path: Path, end: Callable[[JobStore], None]
) -> None:
    import_id = submit_upload(store, tmp_path)
    assert settlement.settle_all() == []
    assert storage_of(tmp_path).exists(upload_key(import_id))
    end(store)
    assert settlement.settle_all() == [import_id]
    assert storage_of(tmp_path).list() == []
    assert store.ended_imports() == []
    assert settlement.settle(import_id)  # as another process may at the same time


def test_a_waiting_job_is_resolved_for_the_dataset_and_the_live_workers(
    store: JobStore, settlement: ImportSettlement, tmp_path: Path
) -> None:
    LiveWorkers(store.redis).send_heartbeat(
        worker_record().model_copy(update={"devices": ["cuda:0"], "lanes": (Lane.TRAINING,)})
    )
    import_id = submit_upload(store, tmp_path)
    plain, wide = submit_waiting(store, import_id, epochs=7), submit_waiting(store, import_id, gpus=2)
    succeed(store)
    settlement.settle_all()
    job = store.get(plain)
    assert isinstance(job.spec, ResolvedSpec)
    assert (job.spec.dataset, job.spec.epochs, job.queue_position) == ("ds_1", 7, 1)
    assert job.recipe is not None
    assert any("No worker has 2 devices" in warning for warning in store.get(wide).warnings)
    assert claim(store)[0] == plain


def test_a_waiting_job_starts_from_the_starter_unless_it_asked_for_random_weights(
    store: JobStore, settlement: ImportSettlement, tmp_path: Path
) -> None:
    starter = publish_model(storage_of(tmp_path), name="starter")
    ModelRegistry(store.redis).register(starter.model_dump_json())
    ModelRegistry(store.redis).set_alias("starter", "production", 1, by=None)
    import_id = submit_upload(store, tmp_path)
    left_out = submit_waiting(store, import_id)
    assert "init_from" not in json.loads(store.get_json(left_out))["spec"]
    random = submit_waiting(store, import_id, init_from=None)
    succeed(store)
    settlement.settle_all()
    specs = [store.get(job_id).spec for job_id in (left_out, random)]
    assert [spec.init_from for spec in specs] == [starter.id, None]
    assert "starter:1" in store.get(left_out).warnings[0]
    assert "starter" not in " ".join(store.get(random).warnings)


@pytest.mark.parametrize(("end", "words"), [(fail, "At least 2 classes"), (cancel, "was not imported")])
def test_a_job_that_waits_for_a_dataset_that_never_comes_fails(
    store: JobStore,
    settlement: ImportSettlement,
    tmp_path: Path,
    end: Callable[[JobStore], None],
    words: str,
) -> None:
    import_id = submit_upload(store, tmp_path)
    job_id = submit_waiting(store, import_id)
    end(store)
    settlement.settle_all()
    error = store.get(job_id).error
    assert error is not None
    assert error.code == "dataset_rejected"
    assert words in error.message


def test_a_spec_that_does_not_fit_the_dataset_fails_its_job_alone(
    store: JobStore, settlement: ImportSettlement, tmp_path: Path
) -> None:
    import_id = submit_upload(store, tmp_path)
    unfit = submit_waiting(store, import_id, gpus=16)  # the dataset has 16 images for training
    fit = submit_waiting(store, import_id)
    succeed(store)
    settlement.settle_all()
    job = store.get(unfit)
    assert job.status is Status.FAILED
    assert job.error is not None
    assert job.error.code != "dataset_rejected"
    assert store.get(fit).queue_position == 1


def test_a_job_that_ended_while_it_waited_is_found_under_the_dataset(
    store: JobStore, settlement: ImportSettlement, tmp_path: Path
) -> None:
    import_id = submit_upload(store, tmp_path)
    cancelled = submit_waiting(store, import_id)
    cancelled_and_unfit, unfit = (submit_waiting(store, import_id, gpus=16) for _ in range(2))
    for job_id in (cancelled, cancelled_and_unfit):
        store.cancel(job_id)
    succeed(store)
    settlement.settle_all()
    found = store.list_jobs(JobFilters(dataset="ds_1")).jobs
    assert [job.id for job in found] == [unfit, cancelled_and_unfit, cancelled]
    assert [job.status for job in found] == [Status.FAILED, Status.CANCELLED, Status.CANCELLED]
    assert not store.redis.exists(redis_keys.JOBS_BY_DATASET + import_id)
    assert store.waiting_jobs(import_id) == []


def test_storage_that_fails_is_tried_again(
    store: JobStore, settlement: ImportSettlement, tmp_path: Path
) -> None:
    import_id = store.submit_import(new_import()).dataset_import.id
    job_id = submit_waiting(store, import_id)
    succeed(store)
    blocked = tmp_path / "storage"
    blocked.mkdir()
    (blocked / "uploads").write_text("in the way")
    assert settlement.settle_all() == []
    assert store.get(job_id).queue_position == 1  # the job does not wait for the deletion
    (blocked / "uploads").unlink()
    assert settlement.settle_all() == [import_id]


def test_a_waiting_job_whose_record_is_gone_blocks_nothing(
    store: JobStore, settlement: ImportSettlement, tmp_path: Path
) -> None:
    import_id = submit_upload(store, tmp_path)
    job_id = submit_waiting(store, import_id)
    store.redis.delete(f"ninefold:job:{job_id}")
    succeed(store)
    assert settlement.settle_all() == [import_id]
    assert store.waiting_jobs(import_id) == []


def test_an_import_of_another_project_is_settled_in_its_storage(
    store: JobStore, settlement: ImportSettlement, tmp_path: Path
) -> None:
    project = "biology"
    new = new_import(project=project)
    storage = open_storage(storage_url((tmp_path / "storage").as_uri(), project))
    storage.put_bytes(upload_key(new.import_id), b"zip")
    store.submit_import(new)
    posted = JobSpec.model_validate({"dataset": "pets", "name": "pets"})
    job_id = store.submit(NewJob(posted, project=project, waits_for=new.import_id)).job_id
    complete_import(store, dataset_record("ds_1", "pets"), project=project)
    assert settlement.settle_all() == [new.import_id]
    assert store.get(job_id, project).queue_position == 1
    assert storage.list() == []
