"""R6: a run that is killed, drained and paused at any step has the same weights and rows as an uninterrupted run."""

import random
import secrets
from pathlib import Path

import pytest
import redis

from model.host.failpoints import Failpoint
from tests.chaos.durability.training_runs import TrainingRuns, assert_same
from worker.queue.states import Status
from worker.queue.store import JobStore

INTERRUPTIONS = 20
INTERRUPTED_WITHIN_S = 1.2
"""A run trains for about two seconds, so interruptions hit its start, the middle of epochs, and their ends."""

SAVE_FAILPOINTS = [
    point
    for point in Failpoint
    if point.startswith(("put.", "checkpoint.")) and point is not Failpoint.CHECKPOINT_RECORDED
]
"""The failpoints that a trainer reaches while it saves a checkpoint; CHECKPOINT_RECORDED is in the worker."""


@pytest.fixture
def store(redis_client: redis.Redis) -> JobStore:
    return JobStore(redis_client)


@pytest.mark.timeout(900)
@pytest.mark.chaos
def test_an_interrupted_run_equals_an_uninterrupted_run(store: JobStore, tmp_path: Path) -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}")  # noqa: T201  # shown when it fails
    rng = random.Random(seed)  # noqa: S311  # reproducible, not secret
    runs = TrainingRuns(store, tmp_path)
    expected = runs.run_uninterrupted()

    done = 0
    while done < INTERRUPTIONS:  # as many jobs as it takes
        job_id = runs.submit()
        while done < INTERRUPTIONS and store.get(job_id).status is Status.QUEUED:
            how = ("kill", "drain", "pause")[done % 3]
            runs.run_interrupted(job_id, how, rng.uniform(0, INTERRUPTED_WITHIN_S))
            done += 1
        while store.get(job_id).status is Status.QUEUED:
            runs.run()
        assert_same(runs.result(job_id), expected)


@pytest.mark.timeout(900)
@pytest.mark.chaos
def test_a_kill_at_any_step_of_a_save_changes_nothing(store: JobStore, tmp_path: Path) -> None:
    runs = TrainingRuns(store, tmp_path)
    expected = runs.run_uninterrupted()
    remaining = list(SAVE_FAILPOINTS)
    while remaining:  # as many jobs as it takes
        job_id = runs.submit()
        while store.get(job_id).status is Status.QUEUED:
            # Killed at its second save, each attempt gets further than the one before.
            runs.run(
                ("killed_at_failpoint", remaining.pop(0), "2") if remaining else ("frequent_checkpoints",)
            )
        assert_same(runs.result(job_id), expected)


@pytest.mark.timeout(600)
@pytest.mark.chaos
def test_an_extension_that_is_killed_equals_one_that_is_not(store: JobStore, tmp_path: Path) -> None:
    runs = TrainingRuns(store, tmp_path)
    original = runs.submit()
    runs.run()
    longer = runs.submit_longer(original, 2)
    runs.run()
    expected = runs.result(longer)
    assert [row["epoch"] for row in expected.rows] == [5, 6]

    again = runs.submit_longer(original, 2)
    runs.run(("killed_at_failpoint", Failpoint.CHECKPOINT_REPORTED, "2"))
    assert store.get(again).status is Status.QUEUED
    runs.run()
    trained = runs.result(again)
    assert trained.outcomes == ["crashed", "succeeded"]
    assert_same(trained, expected)
