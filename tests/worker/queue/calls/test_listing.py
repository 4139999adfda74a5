"""Pages of jobs: newest first, filtered, and no slower when there are many jobs."""

import asyncio
from typing import Any

import pytest
import redis

from tests.worker.samples import claim, make_job
from worker.queue.calls.listing import JobFilters
from worker.queue.states import Status
from worker.queue.store import AsyncJobStore, JobStore
from worker.redis_server.connection import connect_async


def submit(store: JobStore, count: int, **changes: Any) -> list[str]:
    return [store.submit(make_job(**changes)).job_id for _ in range(count)]


def listed(store: JobStore, filters: JobFilters, limit: int = 20) -> list[str]:
    """Return the ids of all pages, joined."""
    ids: list[str] = []
    while True:
        page = store.list_jobs(filters, limit=limit, after=ids[-1] if ids else "")
        ids += [job.id for job in page.jobs]
        if not page.has_more:
            return ids


@pytest.mark.parametrize("limit", [1, 2, 5, 7, 100])
def test_pages_join_into_all_jobs_newest_first(store: JobStore, limit: int) -> None:
    ids = submit(store, 7)
    assert listed(store, JobFilters(), limit) == ids[::-1]


def test_an_empty_list_is_an_empty_page(store: JobStore) -> None:
    page = store.list_jobs()
    assert (page.jobs, page.has_more) == ([], False)


def test_each_filter_finds_its_jobs(store: JobStore) -> None:
    birds = submit(store, 2, name="birds", dataset="ds_1", tags=["night", "a/b"])
    cats = submit(store, 2, name="cats", dataset="ds_2", tags=["night"])
    claim(store)
    assert listed(store, JobFilters(name="birds")) == birds[::-1]
    assert listed(store, JobFilters(dataset="ds_2")) == cats[::-1]
    assert listed(store, JobFilters(tag="a/b")) == birds[::-1]
    assert listed(store, JobFilters(tag="night")) == cats[::-1] + birds[::-1]
    assert listed(store, JobFilters(status=Status.RUNNING)) == birds[:1]
    assert listed(store, JobFilters(status=Status.QUEUED)) == [*cats[::-1], birds[1]]
    assert listed(store, JobFilters(name="birds", tag="night", status=Status.QUEUED)) == birds[1:]
    assert listed(store, JobFilters(name="birds", dataset="ds_2")) == []
    assert listed(store, JobFilters(name="dogs")) == []


def test_the_next_page_may_follow_a_deleted_job(store: JobStore) -> None:
    ids = submit(store, 3)
    store.cancel(ids[1])
    store.delete(ids[1])
    assert [job.id for job in store.list_jobs(after=ids[1]).jobs] == ids[:1]


def test_filters_with_few_common_jobs_are_searched_in_small_steps(
    store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.queue.calls.listing._IDS_READ_PER_CALL", 2)
    wanted = submit(store, 1, name="birds", tags=["x"])
    submit(store, 9, name="birds")
    submit(store, 9, name="cats", tags=["x"])
    assert listed(store, JobFilters(name="birds", tag="x"), limit=1) == wanted


def commands_for_a_page(client: redis.Redis, store: JobStore) -> int:
    def calls() -> int:
        return sum(int(stats["calls"]) for stats in client.info("commandstats").values())

    before = calls()
    store.list_jobs(limit=5)
    return calls() - before


def test_the_number_of_commands_for_a_page_does_not_depend_on_the_number_of_jobs(store: JobStore) -> None:
    submit(store, 10)
    few = commands_for_a_page(store.redis, store)
    submit(store, 300)
    assert commands_for_a_page(store.redis, store) == few


def test_the_async_store_returns_the_same_page(store: JobStore, redis_url: str) -> None:
    submit(store, 3)

    async def first_page() -> object:
        async with connect_async(redis_url) as client:
            return await AsyncJobStore(client).list_jobs(limit=2)

    assert asyncio.run(first_page()) == store.list_jobs(limit=2)
