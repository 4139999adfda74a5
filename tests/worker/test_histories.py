"""Whatever is asked of a job in whatever order, its history is legal and every index tells the truth."""

from collections.abc import Callable
from itertools import pairwise

import hypothesis.strategies as st
import pytest
import redis
from hypothesis import HealthCheck, given, settings

from tests.worker.samples import draft, make_job
from worker import redis_keys
from worker.errors import JobsError
from worker.ids import new_attempt_id
from worker.job_store import JobStore
from worker.jobs import TRANSITIONS, Job, JobError, Outcome, Status

WHY = JobError(code="training_diverged", message="lower it")
DO: dict[str, Callable[[JobStore, str, str], object]] = {
    "cancel": lambda store, job_id, _: store.cancel(job_id),
    "renew": lambda store, job_id, attempt_id: store.renew(job_id, attempt_id),
    "commit": lambda store, job_id, attempt_id: store.commit_publish(job_id, attempt_id, draft()),
    "succeed": lambda store, job_id, attempt_id: store.finish(job_id, attempt_id, Outcome.SUCCEEDED),
    "fail": lambda store, job_id, attempt_id: store.finish(job_id, attempt_id, Outcome.FAILED, WHY),
    "end cancelled": lambda store, job_id, attempt_id: store.finish(job_id, attempt_id, Outcome.CANCELLED),
    "drain": lambda store, job_id, attempt_id: store.requeue(job_id, attempt_id, Outcome.DRAINED),
    "crash": lambda store, job_id, attempt_id: store.requeue(job_id, attempt_id, Outcome.CRASHED),
    "reap": lambda store, job_id, attempt_id: store.reap(job_id, attempt_id, 0),
}


def play(store: JobStore, steps: list[tuple[str, int]]) -> Job:
    """Do the steps on one job; the number chooses among the attempts that it ever had, the latest first."""
    job_id = store.submit(make_job()).job_id
    attempts = ["att_never"]
    for name, age in steps:
        try:
            if name == "claim":
                attempts.append(new_attempt_id())
                store.claim("host:1", attempts[-1])
            else:
                DO[name](store, job_id, attempts[-1 - age % len(attempts)])
        except JobsError:
            pass  # refusals are as good as acceptance: only what is written counts here
    return store.get(job_id)


def assert_indexes_agree(client: redis.Redis, job: Job) -> None:
    for status in Status:
        members = client.zrange(redis_keys.JOBS_BY_STATUS + status, 0, -1)
        assert members == ([job.id] if status == job.status else [])
    assert client.zrange(redis_keys.QUEUE, 0, -1) == ([job.id] if job.status == Status.QUEUED else [])
    is_held = job.status in {Status.RUNNING, Status.CANCELLING}
    assert len(list(client.scan_iter(redis_keys.ATTEMPT + "*"))) == is_held


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["claim", *DO]), st.integers(0, 2).map(lambda age: max(0, age - 1))),
        max_size=14,
    )
)
def test_every_history_is_legal(store: JobStore, steps: list[tuple[str, int]]) -> None:
    store.redis.flushall()
    job = play(store, steps)
    statuses = [step.status for step in job.transitions]
    assert statuses[0] == Status.QUEUED
    assert statuses[-1] == job.status
    for before, after in pairwise(statuses):
        assert after in TRANSITIONS[before]
    assert_indexes_agree(store.redis, job)

    held = [attempt for attempt in job.attempts if attempt.outcome is None]
    assert len(held) == (job.status in {Status.RUNNING, Status.CANCELLING})
    assert (job.result is not None) == (job.status == Status.SUCCEEDED)
    assert (job.error is not None) == (job.status == Status.FAILED)
    assert (job.finished_at is not None) == job.is_finished
    if Status.CANCELLING in statuses:
        assert Status.SUCCEEDED not in statuses
    ends = [event for event in store.events(job.id).events if event.event == "end"]
    assert len(ends) == job.is_finished


@pytest.mark.parametrize("status", Status)
def test_every_status_can_end(status: Status) -> None:
    reachable, frontier = {status}, [status]
    while frontier:
        fresh = TRANSITIONS[frontier.pop()] - reachable
        reachable |= fresh
        frontier += fresh
    assert reachable & {Status.SUCCEEDED, Status.FAILED, Status.CANCELLED}
