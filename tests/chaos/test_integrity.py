"""R7, R14: a checkpoint that was damaged on disk is never gone on from; a full disk fails a job with its cause."""

import json
from pathlib import Path

import pytest
import redis

from tests.chaos.training_runs import EPOCHS, Laboratory, assert_same
from tests.stored import stored_path
from worker.queue.states import Outcome, Status
from worker.queue.storage_keys import checkpoints_prefix
from worker.queue.store import JobStore


@pytest.fixture
def store(redis_client: redis.Redis) -> JobStore:
    return JobStore(redis_client)


def flip_a_bit(path: Path) -> None:
    """In the middle, among the weights: still a file that any reader of its format accepts."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def epochs_seen(store: JobStore, job_id: str) -> list[int]:
    """By a watcher of its events, who forgets what a rewind takes back."""
    seen: list[int] = []
    for event in store.events(job_id).events:
        if event.event == "rewind":
            seen = [epoch for epoch in seen if epoch <= json.loads(event.data)["epoch"]]
        elif event.event == "epoch":
            seen.append(json.loads(event.data)["epoch"])
    return seen


@pytest.mark.timeout(300)
@pytest.mark.parametrize("is_one_whole", [True, pytest.param(False, marks=pytest.mark.chaos)])
def test_a_damaged_checkpoint_costs_time_alone(store: JobStore, tmp_path: Path, is_one_whole: bool) -> None:
    """The one before is gone on from, or, when that is damaged too, the run begins anew; each row comes once."""
    laboratory = Laboratory(store, tmp_path)
    expected = laboratory.undisturbed()
    job_id = laboratory.submit()
    laboratory.run(("killed_at_failpoint", "checkpoint.reported", "3"))
    kept = laboratory.storage.list(f"{checkpoints_prefix(job_id)}/")
    assert len(kept) > 1
    damaged = kept[-1:] if is_one_whole else kept
    for key in damaged:
        flip_a_bit(stored_path(laboratory.storage, key))
    laboratory.run()

    trained = laboratory.result(job_id)
    log = "\n".join(store.logs(job_id))
    assert trained.outcomes == [Outcome.CRASHED, Outcome.SUCCEEDED]
    assert_same(trained, expected)
    assert epochs_seen(store, job_id) == list(range(1, EPOCHS + 1))
    assert log.count("are not those that were saved") == len(damaged)
    assert ("resumed after 0 epochs and 0 steps" not in log) is is_one_whole


@pytest.mark.timeout(300)
def test_a_full_disk_fails_the_job_with_its_cause_and_leaves_nothing(
    store: JobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    laboratory = Laboratory(store, tmp_path)
    before = laboratory.storage.list()
    job_id = laboratory.submit()
    laboratory.run(("full_disk_trainer",))

    job = store.get(job_id)
    assert job.status is Status.FAILED
    assert job.error
    assert job.error.code == "storage_error"
    assert "free some space" in job.error.message
    assert laboratory.storage.list() == before
    assert not list((tmp_path / "storage" / ".tmp").iterdir())
    assert not [path for path in temporary.rglob("*") if path.is_file()]
