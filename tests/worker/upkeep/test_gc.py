"""What `ninefold gc` deletes, what it keeps, and what it prints."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from model.artifact.manifest import MANIFEST_FILE, WEIGHTS_FILE, model_key
from model.batch_prediction.rows import rows_key
from model.data.record import dataset_key
from model.storage.interface import Storage
from model.storage.opening import open_storage
from tests.worker.imported import dataset_record, import_record, new_import
from tests.worker.registry.reviewed import configure, keep
from tests.worker.samples import claim, draft, make_job, publish
from tests.worker.upkeep.batches import make_batches
from worker.queue.calls.uploads import UploadRecord, create_upload
from worker.queue.ids import upload_key
from worker.queue.records import JobError
from worker.queue.states import Outcome
from worker.queue.store import JobStore
from worker.redis_server import keys as redis_keys
from worker.registry.model_registry import ModelRegistry
from worker.upkeep.gc import delete_unreferenced, find_unreferenced

DAY_S = 24 * 3600


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return open_storage((tmp_path / "storage").as_uri())


@pytest.fixture
def put(storage: Storage, tmp_path: Path) -> Callable[..., str]:
    """Return a function that stores an object of a given age."""

    def put(key: str, age_s: float = 2 * DAY_S) -> str:
        storage.put_bytes(key, b"12345")
        path = tmp_path / "storage" / key
        for part in (path, *path.parents):
            if part == tmp_path / "storage":
                break
            os.utime(part, (time.time() - age_s,) * 2)
        return key

    return put


@pytest.fixture
def known(store: JobStore, put: Callable[..., str]) -> list[str]:
    """Store the objects of a model and a dataset to which records refer."""
    model_id = publish(store)
    import_record(store, dataset_record("ds_known", "photos"))
    files = [model_key(model_id, WEIGHTS_FILE), model_key(model_id, MANIFEST_FILE)]
    return sorted(map(put, [*files, dataset_key("ds_known", "dataset.json")]))


def clean(store: JobStore, storage: Storage) -> dict[str, bool]:
    """Run gc; returns each finding, and whether it was kept."""
    findings = find_unreferenced(store.redis, storage)
    delete_unreferenced(findings, storage)
    return {finding.entry.key: finding.is_kept for finding in findings}


def test_objects_with_a_record_stay(store: JobStore, storage: Storage, known: list[str]) -> None:
    assert clean(store, storage) == {}
    assert storage.list() == known


def test_the_parts_of_an_upload_that_was_given_up_are_deleted(
    store: JobStore, storage: Storage, put: Callable[..., str], known: list[str]
) -> None:
    waiting = replace(new_import("parts"), has_parts=True)
    record = UploadRecord(name="parts")
    store.run(create_upload(waiting.import_id, record, 5))
    store.submit_import(waiting)
    read = put(f"{waiting.upload}/0")
    put("uploads/imp_given_up/0")
    young = put("uploads/imp_arriving/0", 0)
    assert clean(store, storage) == {"uploads/imp_given_up": False}
    assert storage.list() == sorted([*known, read, young])


def test_old_folders_without_a_record_are_deleted_and_young_ones_stay(
    store: JobStore, storage: Storage, put: Callable[..., str], known: list[str]
) -> None:
    put(model_key("mdl_old", WEIGHTS_FILE))
    put(dataset_key("ds_old", "images.zip"))
    young = [put(model_key("mdl_young", WEIGHTS_FILE), 0), put(dataset_key("ds_young", "images.zip"), 0)]
    assert clean(store, storage) == {"models/mdl_old": False, "datasets/ds_old": False}
    assert storage.list() == sorted([*known, *young])


def test_a_committed_model_stays_before_its_job_ends(
    store: JobStore, storage: Storage, put: Callable[..., str], known: list[str]
) -> None:
    store.submit(make_job())
    job_id, attempt_id = claim(store)
    staged = put(model_key("mdl_staged", WEIGHTS_FILE))
    store.commit_publish(job_id, attempt_id, draft("mdl_staged"))
    assert clean(store, storage) == {}
    assert storage.exists(staged)


def test_a_complete_model_is_deleted_only_when_its_deletion_began(
    store: JobStore, storage: Storage, put: Callable[..., str], known: list[str]
) -> None:
    retired = publish(store, promote="never")
    ModelRegistry(store.redis).begin_deletion(retired)
    for model_id in ("mdl_lost", retired):
        put(model_key(model_id, WEIGHTS_FILE))
        put(model_key(model_id, MANIFEST_FILE))
    assert clean(store, storage) == {"models/mdl_lost": True, f"models/{retired}": False}
    assert storage.exists(model_key("mdl_lost", WEIGHTS_FILE))
    assert not storage.exists(model_key(retired, WEIGHTS_FILE))


def test_checkpoints_stay_until_their_job_has_finished(
    store: JobStore, storage: Storage, put: Callable[..., str]
) -> None:
    jobs = {}
    for name in ("paused", "running", "failed"):
        store.submit(make_job(name=name))
        jobs[name], attempt_id = claim(store)
        put(f"checkpoints/{jobs[name]}/1/epoch-1", 0)
        if name == "paused":
            store.pause(jobs[name])
            store.requeue(jobs[name], attempt_id, Outcome.PAUSED)
        if name == "failed":
            store.finish(
                jobs[name], attempt_id, Outcome.FAILED, JobError(code="training_diverged", message=".")
            )
    put("checkpoints/job_gone/1/epoch-1", 0)
    assert clean(store, storage) == {f"checkpoints/{jobs['failed']}": False, "checkpoints/job_gone": False}
    assert len(storage.list("checkpoints/")) == 2


def test_an_upload_stays_until_its_import_has_ended(
    store: JobStore, storage: Storage, put: Callable[..., str], known: list[str]
) -> None:
    """An upload without an import is left when the API is killed between the two."""
    queued, ended = (store.submit_import(new_import(name)).dataset_import.id for name in ("a", "b"))
    store.cancel_item(ended)
    kept = [put(upload_key(queued)), put(upload_key("imp_young"), 0)]
    gone = [put(upload_key(ended)), put(upload_key("imp_lost"))]
    put(dataset_key("ds_old", "images.zip"))
    assert clean(store, storage) == dict.fromkeys(("datasets/ds_old", *gone), False)
    assert storage.list() == sorted([*known, *kept])


@pytest.mark.parametrize("field", ["kind", "status"])
def test_an_upload_of_a_later_release_is_kept(
    store: JobStore, storage: Storage, put: Callable[..., str], known: list[str], field: str
) -> None:
    import_id = store.submit_import(new_import()).dataset_import.id
    key = put(upload_key(import_id))
    store.redis.hset(redis_keys.ITEM + import_id, field, "dreaming")
    store.redis.delete(redis_keys.IMPORTS_BY_STATUS + "queued")
    assert clean(store, storage) == {}
    assert storage.list() == sorted([*known, key])


def test_rows_stay_while_their_batch_has_them_or_may_get_them(
    store: JobStore, storage: Storage, put: Callable[..., str], known: list[str]
) -> None:
    ids = make_batches(store, put)
    put(rows_key("prd_deleted", 0))
    assert clean(store, storage) == dict.fromkeys(
        (
            f"predictions/{ids['failed']}",
            "predictions/prd_deleted",
            *(upload_key(ids[state]) for state in ("succeeded", "failed")),
        ),
        False,
    )
    rows = [rows_key(ids[state], 0) for state in ("succeeded", "running")]
    uploads = [upload_key(ids[state]) for state in ("running", "queued")]
    assert storage.list() == sorted([*known, *rows, *uploads])


def test_nothing_is_deleted_when_redis_lost_its_records(
    store: JobStore, storage: Storage, put: Callable[..., str], known: list[str]
) -> None:
    put("checkpoints/job_gone/1/epoch-1")
    put(model_key("mdl_half", WEIGHTS_FILE))
    put(upload_key("imp_old"))
    before = storage.list()
    store.redis.flushall()
    assert set(clean(store, storage).values()) == {True}
    assert storage.list() == before


def test_nothing_is_deleted_with_the_redis_of_another_service(
    store: JobStore, storage: Storage, put: Callable[..., str]
) -> None:
    publish(store)
    put("checkpoints/job_paused_elsewhere/1/epoch-1")
    put(model_key("mdl_elsewhere", WEIGHTS_FILE))
    assert set(clean(store, storage).values()) == {True}
    assert len(storage.list()) == 2


def test_the_command_prints_each_deletion_and_a_total(
    storage: Storage,
    put: Callable[..., str],
    known: list[str],
    redis_url: str,
    tmp_path: Path,
) -> None:
    put(model_key("mdl_old", WEIGHTS_FILE))
    leftover = tmp_path / "storage" / ".tmp" / "1-dead"
    leftover.write_bytes(b"123")
    os.utime(leftover, (time.time() - 2 * DAY_S,) * 2)
    environment = {**os.environ, "REDIS_URL": redis_url, "NINEFOLD_STORAGE": (tmp_path / "storage").as_uri()}

    def gc(*arguments: str) -> list[str]:
        command = [sys.executable, "-m", "worker.upkeep.gc", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return done.stdout.splitlines()

    assert gc("--dry-run") == [
        "would delete models/mdl_old (5 bytes): its files were written, but it was never published",
        "would delete .tmp/1-dead (3 bytes): left by a process that was killed",
        "would delete 2 in all, 8 bytes",
    ]
    assert leftover.exists()
    assert gc()[-1] == "deleted 2 in all, 8 bytes"
    assert not leftover.exists()
    assert storage.list() == known
    assert gc() == ["deleted 0 in all, 0 bytes"]


def test_an_object_that_is_stored_again_after_the_listing_stays(
    store: JobStore, storage: Storage, put: Callable[..., str], known: list[str]
) -> None:
    """As when a deleted dataset is uploaded again."""
    key, gone = put(dataset_key("ds_old", "images.zip")), put(dataset_key("ds_gone", "images.zip"))
    findings = find_unreferenced(store.redis, storage)
    storage.put_bytes(key, storage.read_bytes(key))
    delete_unreferenced(findings, storage)
    assert storage.exists(key)
    assert not storage.exists(gone)


def test_the_training_state_of_a_job_that_is_known_or_archived_stays(
    store: JobStore, storage: Storage, put: Callable[..., str], known: list[str]
) -> None:
    job_id = store.submit(make_job()).job_id
    kept = [
        put(f"states/{job_id}/mdl_1/state-0.safetensors"),
        put("states/job_archived/mdl_1/state-0.safetensors"),
    ]
    put("archive/jobs/job_archived.json")
    put("states/job_gone/mdl_1/state-0.safetensors")
    findings = find_unreferenced(store.redis, storage)
    assert [(finding.entry.key, finding.reason) for finding in findings] == [
        ("states/job_gone", "its job is gone")
    ]
    delete_unreferenced(findings, storage)
    assert set(kept) <= set(storage.list())


def test_images_of_reviews_stay_while_they_are_kept(
    store: JobStore, storage: Storage, put: Callable[..., str], known: list[str]
) -> None:
    configure(store.redis, "digits")
    keep(store.redis, "digits", "rev_kept")
    kept, new = put("reviews/digits/rev_kept"), put("reviews/digits/rev_new", age_s=0)
    put("reviews/digits/rev_lost")
    put("reviews/ended/rev_1")
    findings = find_unreferenced(store.redis, storage)
    assert {finding.entry.key: finding.reason for finding in findings} == {
        "reviews/digits/rev_lost": "its answer is not kept",
        "reviews/ended": "its review was ended",
    }
    delete_unreferenced(findings, storage)
    assert storage.list("reviews/") == [kept, new]
