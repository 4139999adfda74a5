"""R6: a run that was killed, drained and paused at any step ends in the very weights and rows of an undisturbed one."""

import random
import secrets
from pathlib import Path

import pytest
import redis

from model.host.failpoints import Failpoint
from tests.chaos.training_runs import Laboratory, assert_same
from worker.queue.states import Status
from worker.queue.store import JobStore

INTERRUPTIONS = 20
INTERRUPTED_WITHIN_S = 1.2
"""Of the run, which takes about two seconds of training: at its start, within epochs, between them."""

SAVING = [
    point
    for point in Failpoint
    if point.startswith(("put.", "checkpoint.")) and point is not Failpoint.CHECKPOINT_RECORDED
]
"""All that the trainer comes by when it saves; the one left out is its worker's."""


@pytest.fixture
def store(redis_client: redis.Redis) -> JobStore:
    return JobStore(redis_client)


@pytest.mark.timeout(900)
@pytest.mark.chaos
def test_a_run_that_was_interrupted_again_and_again_is_the_undisturbed_one(
    store: JobStore, tmp_path: Path
) -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}")  # noqa: T201  # shown when it fails
    chance = random.Random(seed)  # noqa: S311  # a seed is the point
    laboratory = Laboratory(store, tmp_path)
    expected = laboratory.undisturbed()

    done = 0
    while done < INTERRUPTIONS:  # as many jobs as it takes
        job_id = laboratory.submit()
        while done < INTERRUPTIONS and store.get(job_id).status is Status.QUEUED:
            way = ("kill", "drain", "pause")[done % 3]
            laboratory.interrupt(job_id, way, chance.uniform(0, INTERRUPTED_WITHIN_S))
            done += 1
        while store.get(job_id).status is Status.QUEUED:
            laboratory.run()
        assert_same(laboratory.result(job_id), expected)


@pytest.mark.timeout(900)
@pytest.mark.chaos
def test_a_kill_at_any_step_of_a_save_changes_nothing(store: JobStore, tmp_path: Path) -> None:
    laboratory = Laboratory(store, tmp_path)
    expected = laboratory.undisturbed()
    left = list(SAVING)
    while left:  # as many jobs as it takes
        job_id = laboratory.submit()
        while store.get(job_id).status is Status.QUEUED:
            # At the second save: so each attempt comes further than the one before.
            laboratory.run(("killed_at_failpoint", left.pop(0), "2") if left else ("frequent_checkpoints",))
        assert_same(laboratory.result(job_id), expected)
