"""How attempts end: once, by publishing a model, by dying, or because another attempt has the job."""

from typing import Any

import pytest

from model.artifact.manifest import FinishReason
from tests.worker.samples import checkpoint, claim, draft, make_job, row
from worker.errors import JobCancelledError, StaleAttemptError
from worker.queue.attempt_messages import ClaimedJob, TrainingReport
from worker.queue.ids import new_attempt_id
from worker.queue.states import DEATHS, Outcome, Status
from worker.queue.store import JobStore
from worker.redis_server import keys as redis_keys


def test_a_superseded_attempt_cannot_write(store: JobStore) -> None:
    store.submit(make_job())
    job_id, old = claim(store)
    store.requeue(job_id, old, Outcome.LEASE_LOST)
    _, new = claim(store)
    before = store.get_json(job_id)
    writes = (
        lambda: store.renew(job_id, old),
        lambda: store.report(job_id, old, 99, TrainingReport(rows=(row(1),))),
        lambda: store.commit_publish(job_id, old, draft()),
        lambda: store.succeed(job_id, old),
        lambda: store.requeue(job_id, old, Outcome.CRASHED),
        lambda: store.reap(job_id, old, 0),
    )
    for write in writes:
        with pytest.raises(StaleAttemptError) as refusal:
            write()
        assert (refusal.value.item_id, refusal.value.attempt_id) == (job_id, old)
    assert store.get_json(job_id) == before
    assert store.renew(job_id, new).cancel is False


def test_an_end_repeated_after_a_lost_reply_is_accepted_once(store: JobStore) -> None:
    store.submit(make_job())
    job_id, attempt_id = claim(store)
    assert store.requeue(job_id, attempt_id, Outcome.CRASHED) == Status.QUEUED
    assert store.requeue(job_id, attempt_id, Outcome.CRASHED) == Status.QUEUED
    assert len(store.get(job_id).attempts) == 1

    _, attempt_id = claim(store)
    store.commit_publish(job_id, attempt_id, draft())
    assert store.succeed(job_id, attempt_id) == Status.SUCCEEDED
    assert store.succeed(job_id, attempt_id) == Status.SUCCEEDED
    with pytest.raises(StaleAttemptError):
        store.requeue(job_id, attempt_id, Outcome.CRASHED)


def test_a_committed_publish_is_finished_by_the_next_claimant(store: JobStore) -> None:
    store.submit(make_job())
    job_id, attempt_id = claim(store)
    committed = store.commit_publish(job_id, attempt_id, draft())
    assert store.commit_publish(job_id, attempt_id, draft("mdl_other")) == committed
    for _ in range(4):
        assert store.requeue(job_id, attempt_id, Outcome.WORKER_LOST) == Status.QUEUED
        attempt_id = new_attempt_id()
        claimed = store.claim("host:2", attempt_id)
        assert isinstance(claimed, ClaimedJob)
        assert claimed.committed == committed
    assert store.succeed(job_id, attempt_id) == Status.SUCCEEDED


def test_a_job_that_is_being_cancelled_commits_no_model(store: JobStore) -> None:
    store.submit(make_job())
    job_id, attempt_id = claim(store)
    store.cancel(job_id)
    with pytest.raises(JobCancelledError):
        store.commit_publish(job_id, attempt_id, draft())


@pytest.mark.parametrize("outcome", sorted(DEATHS))
def test_three_deaths_in_a_row_fail_the_job(store: JobStore, outcome: Outcome) -> None:
    store.submit(make_job())
    ends = []
    for _ in range(3):
        job_id, attempt_id = claim(store)
        ends.append(store.requeue(job_id, attempt_id, outcome, "Signal 11."))
    assert ends == [Status.QUEUED, Status.QUEUED, Status.FAILED]
    error = store.get(job_id).error
    assert error is not None
    assert error.code == f"{outcome}_repeatedly"
    assert error.message == "3 attempts in a row died without a new checkpoint. Signal 11."


def test_a_new_checkpoint_starts_the_count_of_deaths_again(store: JobStore) -> None:
    store.submit(make_job())
    for epoch in range(1, 6):
        job_id, attempt_id = claim(store)
        if epoch % 2:
            store.report(job_id, attempt_id, 1, TrainingReport(checkpoint=checkpoint(epoch)))
        assert store.requeue(job_id, attempt_id, Outcome.CRASHED) == Status.QUEUED


@pytest.mark.parametrize("outcome", [Outcome.DRAINED, Outcome.LEASE_LOST])
def test_attempts_that_end_without_dying_never_fail_a_job(store: JobStore, outcome: Outcome) -> None:
    store.submit(make_job())
    for _ in range(5):
        job_id, attempt_id = claim(store)
        assert store.requeue(job_id, attempt_id, outcome) == Status.QUEUED
    assert [attempt.number for attempt in store.get(job_id).attempts] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("outcome", [Outcome.WORKER_LOST, Outcome.DRAINED])
def test_a_pause_does_not_keep_a_committed_publish_from_its_next_claimant(
    store: JobStore, outcome: Outcome
) -> None:
    store.submit(make_job())
    job_id, attempt_id = claim(store)
    store.pause(job_id)
    committed = store.commit_publish(job_id, attempt_id, draft())
    assert store.requeue(job_id, attempt_id, outcome) == Status.QUEUED
    attempt_id = new_attempt_id()
    claimed = store.claim("host:2", attempt_id)
    assert isinstance(claimed, ClaimedJob)
    assert claimed.committed == committed
    assert store.succeed(job_id, attempt_id) == Status.SUCCEEDED


def test_what_the_first_release_does_not_know_is_stored_beside_what_it_reads(store: JobStore) -> None:
    """It refuses a spec with a further field, and a reason that it does not know."""
    store.submit(make_job(patience=4))
    attempt_id = new_attempt_id()
    claimed = store.claim("host:1", attempt_id)
    assert isinstance(claimed, ClaimedJob)
    assert claimed.spec.patience == 4
    store.commit_publish(claimed.item_id, attempt_id, draft() | {"lineage": {"finish_reason": "patience"}})
    store.succeed(claimed.item_id, attempt_id)
    record: Any = store.redis.hgetall(redis_keys.ITEM + claimed.item_id)
    assert "patience" not in record["spec"]
    assert record["finish_reason"] == "completed"
    job = store.get(claimed.item_id)
    assert (job.finish_reason, job.spec.patience) == (FinishReason.PATIENCE, 4)


def test_what_is_known_of_a_model_at_the_end_is_told_in_the_warnings_of_its_job(store: JobStore) -> None:
    store.submit(make_job())
    job_id, attempt_id = claim(store)
    before = store.get(job_id).warnings
    model = draft()
    model["metrics"]["first_epoch_share"] = 0.25
    model["lineage"] = {"seen_test_images": 7}
    for _ in range(2):  # a repeated commit changes nothing
        store.commit_publish(job_id, attempt_id, model)
    [*others, warning] = store.get(job_id).warnings
    assert others == before
    assert "25% of the training images were used" in warning
    assert "Raise time_budget_s" in warning
    assert "7 test images are, or look like, training images of the model" in warning
