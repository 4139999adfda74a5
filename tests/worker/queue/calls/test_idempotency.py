"""One Idempotency-Key makes one job."""

import asyncio

import pytest

from tests.worker.samples import claim, make_job
from worker.errors import IdempotencyMismatchError, QueueFullError
from worker.queue.calls.requests import Idempotency
from worker.queue.states import Status
from worker.queue.store import AsyncJobStore, JobStore
from worker.redis_server.connection import connect_async

KEY = Idempotency("order-1", "hash-1")


def test_the_same_key_and_body_return_the_first_answer_unchanged(store: JobStore) -> None:
    first = store.submit(make_job(), KEY)
    claim(store)
    again = store.submit(make_job(), KEY)
    assert (first.is_replay, again.is_replay) == (False, True)
    assert (again.job_id, again.job_json) == (first.job_id, first.job_json)
    assert store.get(first.job_id).status == Status.RUNNING


def test_the_same_key_with_another_body_is_refused(store: JobStore) -> None:
    store.submit(make_job(), KEY)
    with pytest.raises(IdempotencyMismatchError):
        store.submit(make_job(), Idempotency(KEY.key, "hash-2"))


def test_a_key_belongs_to_its_caller(store: JobStore) -> None:
    ids = {store.submit(make_job(created_by=caller), KEY).job_id for caller in ("alice", "bob", None)}
    assert len(ids) == 3


def test_fifty_submissions_at_once_make_one_job(store: JobStore, redis_url: str) -> None:
    async def submit_fifty() -> set[str]:
        async with connect_async(redis_url) as client:
            api = AsyncJobStore(client)
            answers = await asyncio.gather(*(api.submit(make_job(), KEY) for _ in range(50)))
            return {answer.job_id for answer in answers}

    assert len(asyncio.run(submit_fifty())) == 1
    assert len(store.list_jobs().jobs) == 1


def test_a_key_is_kept_for_a_day(store: JobStore) -> None:
    store.submit(make_job(), KEY)
    (key,) = store.redis.scan_iter("ninefold:idempotency:*")
    assert 86_300 < store.redis.ttl(key) <= 86_400


def test_a_full_queue_refuses_new_jobs_but_still_repeats_first_answers(store: JobStore) -> None:
    first = store.submit(make_job(), KEY, queue_limit=1)
    with pytest.raises(QueueFullError) as refusal:
        store.submit(make_job(), queue_limit=1)
    assert refusal.value.limit == 1
    assert store.submit(make_job(), KEY, queue_limit=1).job_id == first.job_id
