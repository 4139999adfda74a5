"""The states of a job in the store, from submission to the end."""

import pytest

from model.artifact.manifest import Manifest
from model.recipes.resolved_recipe import resolve_recipe
from tests.worker.samples import claim, draft, make_job, make_spec, row
from worker.errors import JobNotFoundError, NothingCommittedError, PublishCommittedError, WrongStateError
from worker.queue.attempt_messages import ClaimedJob, TrainingReport
from worker.queue.ids import new_attempt_id
from worker.queue.records import Best, Checkpoint, JobError, Progress
from worker.queue.states import Outcome, Phase, Status
from worker.queue.store import JobStore
from worker.redis_server.keys import ITEM


def test_a_job_runs_from_submission_to_its_model(store: JobStore) -> None:
    submitted = store.submit(make_job(tags=["night"]))
    assert submitted.job.status == Status.QUEUED
    assert submitted.job.queue_position == 1

    job_id, attempt_id = claim(store)
    assert job_id == submitted.job_id
    progress = Progress(epoch=1, epochs=3, fraction=0.5)
    best = Best(epoch=1, val_accuracy=0.1)
    store.report(
        job_id,
        attempt_id,
        1,
        TrainingReport(phase=Phase.TRAINING, rows=(row(1),), bests=(best,), progress=progress),
    )
    running = store.get(job_id)
    assert (running.status, running.phase) == (Status.RUNNING, Phase.TRAINING)
    assert (running.metrics, running.best, running.progress) == (row(1), best, progress)

    committed = store.commit_publish(job_id, attempt_id, draft())
    stamped = {"version": 1, "created_at": committed.manifest["created_at"]}
    assert committed.manifest == draft() | stamped
    assert Manifest.model_validate_json(committed.manifest_json).version == 1
    assert store.succeed(job_id, attempt_id) == Status.SUCCEEDED

    job = store.get(job_id)
    assert job.is_finished
    assert job.result is not None
    assert job.result.ci95 == (0.89, 0.93)
    assert job.result.model.version == 1
    assert [step.status for step in job.transitions] == ["queued", "running", "succeeded"]
    assert [attempt.outcome for attempt in job.attempts] == [Outcome.SUCCEEDED]
    assert job.tags == ["night"]
    assert job.created_by == "alice"


def test_a_job_keeps_the_recipe_that_it_was_submitted_with(store: JobStore) -> None:
    job = store.submit(make_job()).job
    recipe = resolve_recipe(make_spec())
    assert job.recipe == store.get(job.id).recipe == recipe
    claimed = store.claim("host:1", new_attempt_id())
    assert isinstance(claimed, ClaimedJob)
    assert claimed.recipe == recipe


def test_a_job_of_an_earlier_version_has_no_recipe(store: JobStore) -> None:
    job_id = store.submit(make_job()).job_id
    store.redis.hdel(ITEM + job_id, "recipe")
    assert store.get(job_id).recipe is None
    claimed = store.claim("host:1", new_attempt_id())
    assert isinstance(claimed, ClaimedJob)
    assert claimed.recipe is None


def test_a_job_fails_with_its_error(store: JobStore) -> None:
    store.submit(make_job())
    job_id, attempt_id = claim(store)
    error = JobError(code="training_diverged", message='The "loss" was not finite: é')
    assert store.finish(job_id, attempt_id, Outcome.FAILED, error) == Status.FAILED
    assert store.get(job_id).error == error


def test_a_queued_job_is_cancelled_at_once_and_never_claimed(store: JobStore) -> None:
    job_id = store.submit(make_job()).job_id
    assert store.cancel(job_id).status == Status.CANCELLED
    assert store.cancel(job_id).status == Status.CANCELLED
    assert store.claim("host:1", new_attempt_id()) is None


def test_a_running_job_reads_its_cancellation_at_the_next_renewal(store: JobStore) -> None:
    store.submit(make_job())
    job_id, attempt_id = claim(store)
    assert not store.renew(job_id, attempt_id).cancel
    assert store.cancel(job_id).status == Status.CANCELLING
    assert store.renew(job_id, attempt_id).cancel
    assert store.finish(job_id, attempt_id, Outcome.CANCELLED) == Status.CANCELLED


@pytest.mark.parametrize("outcome", [Outcome.DRAINED, Outcome.CRASHED])
def test_a_cancelling_job_is_never_requeued(store: JobStore, outcome: Outcome) -> None:
    store.submit(make_job())
    job_id, attempt_id = claim(store)
    store.cancel(job_id)
    assert store.requeue(job_id, attempt_id, outcome) == Status.CANCELLED
    assert store.claim("host:1", new_attempt_id()) is None


def test_a_job_that_fails_while_being_cancelled_ends_as_cancelled(store: JobStore) -> None:
    store.submit(make_job())
    job_id, attempt_id = claim(store)
    store.cancel(job_id)
    error = JobError(code="x", message="y")
    assert store.finish(job_id, attempt_id, Outcome.FAILED, error) == Status.CANCELLED
    assert store.get(job_id).error is None


def test_a_job_past_its_commit_point_cannot_be_cancelled(store: JobStore) -> None:
    store.submit(make_job())
    job_id, attempt_id = claim(store)
    store.commit_publish(job_id, attempt_id, draft())
    with pytest.raises(PublishCommittedError):
        store.cancel(job_id)
    store.requeue(job_id, attempt_id, Outcome.CRASHED)
    with pytest.raises(PublishCommittedError):
        store.cancel(job_id)


def test_a_job_cannot_succeed_without_a_model(store: JobStore) -> None:
    store.submit(make_job())
    job_id, attempt_id = claim(store)
    with pytest.raises(NothingCommittedError):
        store.succeed(job_id, attempt_id)
    assert store.get(job_id).status == Status.RUNNING


def test_cancelling_a_finished_job_is_refused_with_the_allowed_states(store: JobStore) -> None:
    store.submit(make_job())
    job_id, attempt_id = claim(store)
    store.finish(job_id, attempt_id, Outcome.FAILED, JobError(code="x", message="y"))
    with pytest.raises(WrongStateError) as refusal:
        store.cancel(job_id)
    assert refusal.value.status == "failed"
    assert refusal.value.allowed == ["paused", "pausing", "queued", "running", "stopping"]


def test_only_a_cancelled_job_finishes_as_cancelled(store: JobStore) -> None:
    store.submit(make_job())
    job_id, attempt_id = claim(store)
    with pytest.raises(
        WrongStateError,
        match=r"is running\. This is possible only while it is cancelling or paused or queued",
    ):
        store.finish(job_id, attempt_id, Outcome.CANCELLED)


def test_only_a_finished_job_can_be_deleted(store: JobStore) -> None:
    job_id = store.submit(make_job(tags=["night"])).job_id
    with pytest.raises(WrongStateError):
        store.delete(job_id)
    store.cancel(job_id)
    store.delete(job_id)
    with pytest.raises(JobNotFoundError):
        store.get(job_id)
    left = [key for key in store.redis.scan_iter("*") if "job" in key]
    assert left == []


def test_the_next_attempt_gets_the_last_checkpoint(store: JobStore) -> None:
    store.submit(make_job())
    job_id, attempt_id = claim(store)
    checkpoint = Checkpoint(key="checkpoints/a", epoch=1, step=4)
    store.report(job_id, attempt_id, 1, TrainingReport(checkpoint=checkpoint))
    store.requeue(job_id, attempt_id, Outcome.DRAINED)
    claimed = store.claim("host:2", new_attempt_id())
    assert isinstance(claimed, ClaimedJob)
    assert claimed.checkpoint == checkpoint
    assert claimed.attempt_number == 2
