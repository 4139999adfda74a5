"""Which worker gets which job, and the state in which a new attempt finds the job."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.worker.samples import checkpoint, claim, make_job, row
from worker.queue.attempt_messages import ClaimedJob, TrainingReport
from worker.queue.ids import new_attempt_id
from worker.queue.kinds import Lane
from worker.queue.states import Outcome, Status
from worker.queue.store import JobStore
from worker.redis_server import keys as redis_keys
from worker.redis_server.connection import connect


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
