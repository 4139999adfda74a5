"""Which worker gets which job, and the state in which a new attempt finds the job."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.worker.samples import claim, draft, make_job, row
from worker.errors import JobCancelledError, StaleAttemptError
from worker.kinds.training.outbox import TrainingOutbox
from worker.queue.attempt_messages import ClaimedJob, TrainingReport
from worker.queue.ids import new_attempt_id
from worker.queue.kinds import Lane
from worker.queue.records import Best, Checkpoint, Progress
from worker.queue.states import DEATHS, Outcome, Status
from worker.queue.store import JobStore
from worker.redis_server import keys as redis_keys
from worker.redis_server.connection import connect


def checkpoint(epoch: int) -> Checkpoint:
    return Checkpoint(key=f"checkpoints/{epoch}", epoch=epoch, step=0)


def test_jobs_are_claimed_in_the_order_of_submission(store: JobStore) -> None:
    ids = [store.submit(make_job()).job_id for _ in range(12)]
    assert [claim(store)[0] for _ in ids] == ids
    assert store.claim("host:1", new_attempt_id()) is None


def test_jobs_are_claimed_in_order_of_arrival_even_when_their_ids_sort_otherwise(
    store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = ["job_3", "job_1", "job_2"]
    for job_id in ids:
        monkeypatch.setattr("worker.queue.calls.trainings.new_job_id", lambda job_id=job_id: job_id)
        store.submit(make_job())
    assert [claim(store)[0] for _ in ids] == ids


def test_a_requeued_job_keeps_its_position(store: JobStore) -> None:
    ids = [store.submit(make_job()).job_id for _ in range(3)]
    job_id, attempt_id = claim(store)
    store.requeue(job_id, attempt_id, Outcome.DRAINED)
    assert [store.get(queued).queue_position for queued in ids] == [1, 2, 3]
    assert claim(store)[0] == ids[0]


def test_a_job_goes_to_a_worker_with_enough_devices_and_blocks_no_other_job(store: JobStore) -> None:
    wide = [store.submit(make_job(gpus=2)).job_id for _ in range(120)]
    wider = store.submit(make_job(gpus=4)).job_id
    narrow = store.submit(make_job()).job_id
    assert claim(store)[0] == narrow
    assert store.claim("host:1", new_attempt_id(), devices=1) is None
    claimed = store.claim("host:2", new_attempt_id(), devices=4)
    assert isinstance(claimed, ClaimedJob)
    assert claimed.item_id == wide[0]
    for job_id in wide[1:]:
        store.cancel(job_id)
    assert store.claim("host:3", new_attempt_id(), devices=2) is None
    last = store.claim("host:4", new_attempt_id(), devices=4)
    assert last is not None
    assert last.item_id == wider
    assert store.redis.hlen(redis_keys.WIDE) == 0


def test_a_requeued_job_still_needs_its_devices(store: JobStore) -> None:
    job_id = store.submit(make_job(gpus=2)).job_id
    attempt_id = new_attempt_id()
    assert store.claim("host:1", attempt_id, devices=2)
    store.requeue(job_id, attempt_id, Outcome.DRAINED)
    assert store.claim("host:2", new_attempt_id(), devices=1) is None
    assert store.claim("host:1", new_attempt_id(), devices=2)


def test_a_claim_counts_the_attempts_that_ran_out_of_memory(store: JobStore) -> None:
    store.submit(make_job())
    for expected, outcome in ((0, Outcome.OUT_OF_MEMORY), (1, Outcome.DRAINED), (1, Outcome.OUT_OF_MEMORY)):
        attempt_id = new_attempt_id()
        claimed = store.claim("host:1", attempt_id)
        assert isinstance(claimed, ClaimedJob)
        assert claimed.memory_deaths == expected
        store.requeue(claimed.item_id, attempt_id, outcome)


def test_a_claim_lists_the_pauses_of_the_job(store: JobStore) -> None:
    job_id = store.submit(make_job()).job_id
    store.pause(job_id)
    store.resume(job_id)
    claimed = store.claim("host:1", new_attempt_id())
    assert isinstance(claimed, ClaimedJob)
    paused, resumed = [one.at.timestamp() for one in store.get(job_id).transitions[1:3]]
    assert claimed.pauses == ((paused, resumed),)


def test_an_attempt_may_continue_from_an_earlier_checkpoint(store: JobStore) -> None:
    job_id = store.submit(make_job()).job_id
    first = new_attempt_id()
    store.claim("host:1", first)
    store.report(job_id, first, 1, TrainingReport(rows=(row(1), row(2)), checkpoint=checkpoint(2)))
    store.requeue(job_id, first, Outcome.CRASHED)
    second = new_attempt_id()
    store.claim("host:1", second)
    assert store.get(job_id).attempts[-1].from_epoch == 2
    store.report(job_id, second, 1, TrainingReport(rewind_to_epoch=1))
    assert store.get(job_id).attempts[-1].from_epoch == 1
    assert [known.epoch for known in store.rows(job_id)] == [1]


def test_concurrent_workers_never_claim_the_same_job(store: JobStore, redis_url: str) -> None:
    ids = {store.submit(make_job()).job_id for _ in range(40)}

    def claim_until_empty(worker: str) -> list[str]:
        with connect(redis_url) as client:
            mine = JobStore(client)
            claims = iter(lambda: mine.claim(worker, new_attempt_id()), None)
            return [claimed.item_id for claimed in claims]

    with ThreadPoolExecutor(4) as pool:
        claimed = [job_id for ids_of_one in pool.map(claim_until_empty, "abcd") for job_id in ids_of_one]
    assert sorted(claimed) == sorted(ids)


def test_a_claim_repeated_after_a_lost_reply_is_the_same_claim(store: JobStore) -> None:
    store.submit(make_job())
    store.submit(make_job())
    attempt_id = new_attempt_id()
    assert store.claim("host:1", attempt_id) == store.claim("host:1", attempt_id)


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


def test_a_report_is_applied_once(store: JobStore) -> None:
    store.submit(make_job())
    job_id, attempt_id = claim(store)
    first = TrainingReport(progress=Progress(epoch=1, epochs=3, fraction=0.1), log_lines=("hello",))
    store.report(job_id, attempt_id, 1, first)
    store.report(job_id, attempt_id, 2, TrainingReport(progress=Progress(epoch=1, epochs=3, fraction=0.2)))
    store.report(job_id, attempt_id, 1, first)
    progress = store.get(job_id).progress
    assert progress is not None
    assert progress.fraction == 0.2
    assert store.logs(job_id) == ["hello"]


def test_a_new_attempt_counts_its_reports_from_the_start(store: JobStore) -> None:
    store.submit(make_job())
    job_id, attempt_id = claim(store)
    store.report(job_id, attempt_id, 7, TrainingReport(rows=(row(1),), checkpoint=checkpoint(1)))
    store.requeue(job_id, attempt_id, Outcome.DRAINED)
    _, attempt_id = claim(store)
    store.report(job_id, attempt_id, 1, TrainingReport(rows=(row(2),)))
    assert store.rows(job_id) == [row(1), row(2)]


def test_a_claim_deletes_the_metrics_after_the_checkpoint(store: JobStore) -> None:
    store.submit(make_job())
    job_id, attempt_id = claim(store)
    first = Best(epoch=1, val_accuracy=0.1)
    store.report(job_id, attempt_id, 1, TrainingReport(rows=(row(1),), bests=(first,)))
    store.report(job_id, attempt_id, 2, TrainingReport(rows=(row(2),), checkpoint=checkpoint(2)))
    late = TrainingReport(rows=(row(3),), bests=(Best(epoch=3, val_accuracy=0.3),))
    store.report(job_id, attempt_id, 3, late)
    store.requeue(job_id, attempt_id, Outcome.CRASHED)

    claim(store)
    job = store.get(job_id)
    assert store.rows(job_id) == [row(1), row(2)]
    assert (job.metrics, job.best, job.progress) == (row(2), first, None)
    assert job.attempts[-1].from_epoch == 2
    rewinds = [event.data for event in store.events(job_id).events if event.event == "rewind"]
    assert len(rewinds) == 1
    assert '"epoch":2' in rewinds[0]


def test_an_earlier_best_of_the_same_report_is_known_after_a_rewind(store: JobStore) -> None:
    store.submit(make_job())
    job_id, attempt_id = claim(store)
    outbox = TrainingOutbox()
    first, second = (Best(epoch=epoch, val_accuracy=epoch / 10) for epoch in (1, 2))
    outbox.add_row(row(1), first)
    outbox.add_checkpoint(checkpoint(1))
    outbox.add_row(row(2), second)
    report = outbox.take()
    assert report is not None
    store.report(job_id, attempt_id, 1, report)
    assert store.get(job_id).best == second
    epochs = [json.loads(event.data) for event in store.events(job_id).events if event.event == "epoch"]
    assert [epoch["is_best"] for epoch in epochs] == [True, True]

    store.requeue(job_id, attempt_id, Outcome.CRASHED)
    claim(store)
    assert store.get(job_id).best == first


def test_an_attempt_may_rewind_further(store: JobStore) -> None:
    store.submit(make_job())
    job_id, attempt_id = claim(store)
    store.report(
        job_id, attempt_id, 1, TrainingReport(rows=(row(1), row(2)), bests=(Best(epoch=2, val_accuracy=0.2),))
    )
    store.report(job_id, attempt_id, 2, TrainingReport(rewind_to_epoch=0))
    job = store.get(job_id)
    assert (store.rows(job_id), job.metrics, job.best) == ([], None, None)


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


def test_a_stop_takes_effect_on_a_job_that_was_stopped_and_paused_while_queued(store: JobStore) -> None:
    store.submit(make_job())
    job_id, attempt_id = claim(store)
    store.report(job_id, attempt_id, 1, TrainingReport(rows=(row(1),), checkpoint=checkpoint(1)))
    store.requeue(job_id, attempt_id, Outcome.DRAINED)
    assert store.stop(job_id).status == Status.QUEUED
    assert store.pause(job_id).status == Status.PAUSED
    assert store.stop(job_id).status == Status.QUEUED
    assert store.stop(job_id).status == Status.QUEUED
    claimed = store.claim("host:1", new_attempt_id())
    assert isinstance(claimed, ClaimedJob)
    assert claimed.should_stop


@pytest.mark.parametrize("gpus", [1, 2])
def test_a_job_whose_record_is_missing_blocks_no_claim_and_no_list(store: JobStore, gpus: int) -> None:
    lost = [store.submit(make_job(gpus=gpus)).job_id for _ in range(3)]
    kept = store.submit(make_job()).job_id
    store.redis.delete(*(redis_keys.ITEM + job_id for job_id in lost))
    assert [job.id for job in store.list_jobs().jobs] == [kept]
    claimed = store.claim("host:1", new_attempt_id(), devices=2)
    assert isinstance(claimed, ClaimedJob)
    assert claimed.item_id == kept
    assert store.claim("host:1", new_attempt_id(), devices=2) is None
    assert store.watch().lanes[Lane.TRAINING].queued == store.redis.hlen(redis_keys.WIDE) == 0


def test_a_queued_id_whose_job_has_ended_blocks_no_claim(store: JobStore) -> None:
    ended, kept = (store.submit(make_job()).job_id for _ in range(2))
    store.cancel(ended)
    store.redis.zadd(redis_keys.QUEUE, {ended: 0})
    assert claim(store)[0] == kept
    assert store.get(ended).status == Status.CANCELLED


def test_a_held_or_ended_job_whose_record_is_missing_hides_no_other_job(store: JobStore) -> None:
    held = []
    for _ in range(2):
        store.submit(make_job())
        held.append(claim(store)[0])
    ended = [store.submit(make_job()).job_id for _ in range(2)]
    for job_id in ended:
        store.cancel(job_id)
    store.redis.delete(redis_keys.ITEM + held[0], redis_keys.ITEM + ended[0])
    assert [lease.item_id for lease in store.watch().leases] == held[1:]
    assert store.finished_before("9999") == ended[1:]
