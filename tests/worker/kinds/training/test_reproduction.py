"""The result of a rerun says whether its weights are equal to those of the job that it repeats, and what differed."""

from pathlib import Path
from typing import Any

import pytest

from model.storage.interface import Storage
from model.storage.opening import open_storage
from tests.worker.samples import draft, make_job
from worker.kinds.training.reproduction import compare_with_original
from worker.queue.attempt_messages import ClaimedJob
from worker.queue.ids import new_attempt_id, new_model_id
from worker.queue.records import Job, RerunResult
from worker.queue.store import JobStore
from worker.redis_server import keys as redis_keys
from worker.registry.model_registry import ModelRegistry
from worker.upkeep.archiver import JobArchiver


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return open_storage(tmp_path.as_uri())


def run_job(
    store: JobStore, storage: Storage, weights: str, *, rerun_of: str | None = None, **made: Any
) -> Job:
    """Run a job that publishes weights with this hash, in the order of a worker."""
    store.submit(make_job(promote="never", rerun_of=rerun_of))
    attempt_id = new_attempt_id()
    claimed = store.claim("host:1", attempt_id)
    assert isinstance(claimed, ClaimedJob)
    origin = {
        "versions": {"torch": made.get("torch", "2.14")},
        "lineage": {"environment": {"device": "cpu", "threads": made.get("threads", "2")}},
    }
    files = {"model.safetensors": {"sha256": weights * 64, "size_bytes": 1}}
    model = draft(new_model_id()) | origin | {"files": files}
    rerun = compare_with_original(store, storage, claimed, model)
    store.commit_publish(claimed.item_id, attempt_id, model, rerun)
    store.succeed(claimed.item_id, attempt_id)
    return store.get(claimed.item_id)


def rerun_of(store: JobStore, storage: Storage, original: Job, weights: str, **made: Any) -> RerunResult:
    result = run_job(store, storage, weights, rerun_of=original.id, **made).result
    assert result
    assert result.rerun
    return result.rerun


def test_equal_weights_and_other_weights_are_told_apart(store: JobStore, storage: Storage) -> None:
    original = run_job(store, storage, "a")
    assert original.result
    assert (original.result.weights_sha256, original.result.rerun) == ("a" * 64, None)
    same = rerun_of(store, storage, original, "a")
    assert same == RerunResult(of=original.id, reproduced=True, differences=[])
    other = rerun_of(store, storage, original, "b", torch="2.15", threads="4")
    assert other.reproduced is False
    assert other.differences == ["torch 2.14 → 2.15", "threads 2 → 4"]


def test_the_model_may_be_deleted_and_the_job_archived(store: JobStore, storage: Storage) -> None:
    original = run_job(store, storage, "a")
    assert original.result
    ModelRegistry(store.redis).begin_deletion(original.result.model.id)
    assert rerun_of(store, storage, original, "a").reproduced is True
    JobArchiver(store, lambda _: storage, 1e-9).archive_old_jobs()
    assert rerun_of(store, storage, original, "a").reproduced is True


def test_a_job_of_an_earlier_release_is_compared_by_its_model(store: JobStore, storage: Storage) -> None:
    original = run_job(store, storage, "a")
    store.redis.hdel(redis_keys.ITEM + original.id, "later_result")
    assert rerun_of(store, storage, original, "b", torch="2.15").differences == ["torch 2.14 → 2.15"]
    assert original.result
    ModelRegistry(store.redis).begin_deletion(original.result.model.id)
    assert rerun_of(store, storage, original, "a").reproduced is None


def test_the_job_may_be_deleted_meanwhile(store: JobStore, storage: Storage) -> None:
    original = run_job(store, storage, "a")
    store.delete(original.id)
    assert rerun_of(store, storage, original, "a").reproduced is None


def test_the_result_that_the_first_release_reads_has_no_further_field(
    store: JobStore, storage: Storage
) -> None:
    original = run_job(store, storage, "a")
    stored: Any = store.redis.hgetall(redis_keys.ITEM + original.id)
    assert "weights_sha256" not in stored["result"]
