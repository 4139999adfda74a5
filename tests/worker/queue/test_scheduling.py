"""The order of queued work: priority, width, the time before which an item is not claimed, and changes by other releases."""

from dataclasses import replace
from typing import Any

import pytest

from tests.worker.imported import new_import
from tests.worker.samples import claim, draft, make_due, make_job
from worker.errors import ClaimUnreadableError
from worker.queue.attempt_messages import ClaimedJob
from worker.queue.ids import new_attempt_id
from worker.queue.kinds import SCHEMA_VERSION, Lane
from worker.queue.states import Outcome, Status
from worker.queue.store import JobStore
from worker.redis_server import keys as redis_keys


def claimed_id(store: JobStore, devices: int = 1, except_ids: tuple[str, ...] = ()) -> str | None:
    claimed = store.claim("host:1", new_attempt_id(), devices, except_ids=except_ids)
    return claimed.item_id if claimed else None


def members(store: JobStore, key: str) -> list[str]:
    found: Any = store.redis.zrange(key, 0, -1)
    return list(found)


def commands_read(store: JobStore, command: str) -> int:
    stats: Any = store.redis.info("commandstats")
    return int(stats.get(f"cmdstat_{command}", {"calls": 0})["calls"])


def test_a_higher_priority_is_claimed_first_and_equal_ones_in_order(store: JobStore) -> None:
    priorities = [0, -1, 5, 0, 5, 2]
    ids = [store.submit(replace(make_job(), priority=priority)).job_id for priority in priorities]
    expected = [ids[number] for number in (2, 4, 5, 0, 3, 1)]
    assert [store.get(job_id).queue_position for job_id in expected] == [1, 2, 3, 4, 5, 6]
    assert store.get(ids[2]).priority == 5
    assert [claimed_id(store) for _ in ids] == expected


def test_a_requeued_job_keeps_its_place_among_its_priority(store: JobStore) -> None:
    low, first, second = (
        store.submit(replace(make_job(), priority=priority)).job_id for priority in (0, 1, 1)
    )
    job_id, attempt_id = claim(store)
    assert job_id == first
    store.requeue(job_id, attempt_id, Outcome.DRAINED)
    assert [claimed_id(store) for _ in range(3)] == [first, second, low]


def test_the_first_of_all_jobs_that_fit_is_claimed_whatever_their_width(store: JobStore) -> None:
    ids = [store.submit(make_job(gpus=gpus)).job_id for gpus in (4, 1, 2, 1, 4)]
    assert claimed_id(store, 2) == ids[1]
    assert claimed_id(store, 4) == ids[0]
    assert claimed_id(store, 2) == ids[2]
    assert claimed_id(store, 8) == ids[3]
    assert claimed_id(store, 1) is None
    assert claimed_id(store, 8) == ids[4]


def test_a_claim_reads_no_queued_job_that_needs_more_devices(store: JobStore) -> None:
    for _ in range(1_000):
        store.submit(make_job(gpus=8), queue_limit=10_000)
    narrow = store.submit(make_job()).job_id
    store.redis.config_resetstat()
    assert claimed_id(store) == narrow
    assert claimed_id(store) is None
    assert commands_read(store, "hmget") <= 4
    assert commands_read(store, "zrange") <= 10
    assert commands_read(store, "zscore") + commands_read(store, "hget") <= 4
    assert store.get(narrow).status is Status.RUNNING


def test_an_item_is_not_claimed_before_its_time_and_blocks_no_other(store: JobStore) -> None:
    store.submit(make_job())
    delayed, attempt_id = claim(store)
    store.commit_publish(delayed, attempt_id, draft())
    store.requeue(delayed, attempt_id, Outcome.CRASHED)
    behind = store.submit(make_job()).job_id
    assert store.get(delayed).queue_position == 1
    assert claimed_id(store) == behind
    assert claimed_id(store) is None
    make_due(store)
    assert claimed_id(store) == delayed
    assert members(store, redis_keys.LATER + Lane.TRAINING) == []


def test_a_job_that_waits_for_its_time_can_be_moved_out_of_the_queue(store: JobStore) -> None:
    store.submit(make_job(gpus=2))
    attempt_id = new_attempt_id()
    job = store.claim("host:1", attempt_id, 2)
    assert job is not None
    store.commit_publish(job.item_id, attempt_id, draft())
    store.requeue(job.item_id, attempt_id, Outcome.CRASHED)
    make_due(store)
    second = new_attempt_id()
    assert store.claim("host:1", second, 2)
    store.succeed(job.item_id, second)
    for key in (redis_keys.QUEUE, redis_keys.LATER + Lane.TRAINING, redis_keys.WIDE, redis_keys.NOT_BEFORE):
        assert not store.redis.exists(key)


def test_a_job_that_an_earlier_release_queued_is_noticed(store: JobStore) -> None:
    """Earlier releases write the queue and the widths alone."""
    own, narrow, wide = (store.submit(make_job(gpus=gpus)).job_id for gpus in (1, 1, 2))
    for devices in (1, 2):
        store.redis.delete(f"{redis_keys.FITTING}{Lane.TRAINING}:{devices}")
    assert claimed_id(store, 1) == own
    assert claimed_id(store, 1) == narrow
    assert claimed_id(store, 1) is None
    assert claimed_id(store, 2) == wide


def test_a_job_that_an_earlier_release_took_from_the_queue_is_noticed(store: JobStore) -> None:
    cancelled, wide, kept = (store.submit(make_job(gpus=gpus)).job_id for gpus in (1, 2, 1))
    for job_id in (cancelled, wide):
        store.redis.zrem(redis_keys.QUEUE, job_id)
        store.redis.hdel(redis_keys.WIDE, job_id)
        store.redis.hset(redis_keys.ITEM + job_id, "status", "cancelled")
    assert claimed_id(store, 2) == kept
    assert claimed_id(store, 2) is None
    assert members(store, redis_keys.QUEUE) == []


def test_a_job_that_replaced_another_one_in_an_earlier_release_is_noticed(store: JobStore) -> None:
    """The number of queued jobs is the same as before."""
    wide = store.submit(make_job(gpus=8)).job_id
    new = store.submit(make_job()).job_id
    store.redis.zrem(f"{redis_keys.FITTING}{Lane.TRAINING}:1", new)
    store.redis.zrem(redis_keys.QUEUE, wide)
    store.redis.hdel(redis_keys.WIDE, wide)
    store.redis.hset(redis_keys.ITEM + wide, "status", "cancelled")
    assert claimed_id(store, 1) == new


def test_an_item_of_a_newer_release_is_left_alone_and_blocks_no_other(store: JobStore) -> None:
    newer, own = (store.submit(make_job()).job_id for _ in range(2))
    store.redis.hset(redis_keys.ITEM + newer, "schema_version", SCHEMA_VERSION + 1)
    assert claimed_id(store) == own
    assert claimed_id(store) is None
    assert store.get(newer).status is Status.QUEUED
    assert store.get(newer).attempts == []
    store.redis.hdel(redis_keys.ITEM + newer, "schema_version")  # as if an earlier release had written it
    assert claimed_id(store) == newer


def test_an_unreadable_claim_names_its_item_and_can_be_excepted(store: JobStore) -> None:
    unreadable, own = (store.submit(make_job()).job_id for _ in range(2))
    store.redis.hset(redis_keys.ITEM + unreadable, "spec", '{"dataset": 7}')
    attempt_id = new_attempt_id()
    with pytest.raises(ClaimUnreadableError) as refusal:
        store.claim("host:1", attempt_id)
    assert refusal.value.item_id == unreadable
    store.requeue(unreadable, attempt_id, Outcome.DRAINED)
    assert claimed_id(store, except_ids=(unreadable,)) == own
    assert claimed_id(store, except_ids=(unreadable,)) is None


def test_lost_indexes_of_all_lanes_are_made_again(store: JobStore) -> None:
    """As after the restore of a backup of an earlier release."""
    job_ids = [store.submit(replace(make_job(), priority=priority)).job_id for priority in (0, 1)]
    import_id = store.submit_import(new_import()).dataset_import.id
    for key in store.redis.scan_iter(redis_keys.FITTING + "*"):
        store.redis.delete(key)
    assert [claimed_id(store) for _ in range(3)] == [import_id, *reversed(job_ids)]


def test_a_job_whose_model_is_committed_waits_and_is_a_claimed_job(store: JobStore) -> None:
    store.submit(make_job())
    job_id, attempt_id = claim(store)
    store.commit_publish(job_id, attempt_id, draft())
    store.requeue(job_id, attempt_id, Outcome.CRASHED)
    make_due(store)
    claimed = store.claim("host:1", new_attempt_id())
    assert isinstance(claimed, ClaimedJob)
    assert claimed.committed is not None
