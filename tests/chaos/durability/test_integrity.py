"""R7, R14: training never resumes from a damaged checkpoint; a full disk fails a job with its cause."""

import json
from pathlib import Path

import pytest
import redis

from tests.chaos.durability.training_runs import EPOCHS, TrainingRuns, assert_same
from tests.narrow_processes import NARROW
from tests.stored import stored_path
from worker.queue.ids import checkpoints_prefix
from worker.queue.states import Outcome, Status
from worker.queue.store import JobStore


@pytest.fixture
def store(redis_client: redis.Redis) -> JobStore:
    return JobStore(redis_client)


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Train a narrow network: the bits of a checkpoint matter here, not how many they are."""
    monkeypatch.setenv("PYTHONPATH", NARROW["PYTHONPATH"])


def flip_a_bit(path: Path) -> None:
    """Flip a bit in the middle of the file, among the weights, so that its format stays valid."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def epochs_in_events(store: JobStore, job_id: str) -> list[int]:
    """Return the epochs that a watcher of the events knows; a rewind removes later epochs."""
    seen: list[int] = []
    for event in store.events(job_id).events:
        if event.event == "rewind":
            seen = [epoch for epoch in seen if epoch <= json.loads(event.data)["epoch"]]
        elif event.event == "epoch":
            seen.append(json.loads(event.data)["epoch"])
    return seen


@pytest.mark.timeout(300)
@pytest.mark.parametrize("has_valid_fallback", [True, pytest.param(False, marks=pytest.mark.chaos)])
def test_a_damaged_checkpoint_changes_no_result(
    store: JobStore, tmp_path: Path, has_valid_fallback: bool
) -> None:
    """Training resumes from the checkpoint before, or starts again when all are damaged; each row is reported once."""
    runs = TrainingRuns(store, tmp_path, batch_size=24)
    expected = runs.run_uninterrupted()
    job_id = runs.submit()
    runs.run(("killed_at_failpoint", "checkpoint.reported", "3"))
    kept = runs.storage.list(f"{checkpoints_prefix(job_id)}/")
    assert len(kept) > 1
    damaged = kept[-1:] if has_valid_fallback else kept
    for key in damaged:
        flip_a_bit(stored_path(runs.storage, key))
    runs.run()

    trained = runs.result(job_id)
    log = "\n".join(store.logs(job_id))
    assert trained.outcomes == [Outcome.CRASHED, Outcome.SUCCEEDED]
    assert_same(trained, expected)
    assert epochs_in_events(store, job_id) == list(range(1, EPOCHS + 1))
    assert log.count("are not those that were saved") == len(damaged)
    assert ("resumed after 0 epochs and 0 steps" not in log) is has_valid_fallback


@pytest.mark.timeout(300)
def test_a_full_disk_fails_the_job_with_its_cause_and_leaves_nothing(
    store: JobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    runs = TrainingRuns(store, tmp_path)
    before = runs.storage.list()
    job_id = runs.submit()
    runs.run(("full_disk_trainer",))

    job = store.get(job_id)
    assert job.status is Status.FAILED
    assert job.error
    assert job.error.code == "storage_error"
    assert "free some space" in job.error.message
    assert runs.storage.list() == before
    assert not list((tmp_path / "storage" / ".tmp").iterdir())
    assert not [path for path in temporary.rglob("*") if path.is_file()]
