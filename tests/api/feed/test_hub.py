"""The hub reads every event once, delivers events in order, and ends the watch of a slow watcher."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis

from api.feed.hub import EventHub, whole_project
from api.feed.watcher import WatchEnded, Watcher
from api.process.server import open_socket
from api.settings import ApiSettings
from worker.queue.feed import Feed
from worker.redis_server.connection import connect_async
from worker.redis_server.keys import FEED


def add_events(client: redis.Redis, *numbers: int) -> None:
    pipeline = client.pipeline()
    for number in numbers:
        pipeline.xadd(FEED, {"job": f"job_{number % 2}", "id": f"1-{number}", "event": "state", "data": "{}"})
    pipeline.execute()


@contextmanager
def ended(task: asyncio.Task[None]) -> Iterator[None]:
    try:
        yield
    finally:
        task.cancel()


async def ids(watcher: Watcher, timeout_s: float = 60) -> list[str]:
    async with asyncio.timeout(timeout_s):
        return [event.id for batch in await watcher.take() for event in batch.events]


async def first_ids(watcher: Watcher, count: int) -> list[str]:
    """Take so many events, in one batch or in several, and the heartbeats between them."""
    received: list[str] = []
    while len(received) < count:
        received += await ids(watcher)
    return received


async def started(hub: EventHub, client: redis.Redis) -> asyncio.Task[None]:
    """Run the hub until it waits for events: it reads only what comes later."""
    before = waiting_readers(client)
    task = asyncio.create_task(hub.run())
    async with asyncio.timeout(60):
        while waiting_readers(client) <= before:  # noqa: ASYNC110  # it waits for Redis
            await asyncio.sleep(0.02)
    return task


def waiting_readers(client: redis.Redis) -> set[str]:
    clients: list[dict[str, str]] = client.client_list()
    return {one["id"] for one in clients if "b" in one["flags"]}


def test_watchers_of_one_job_and_of_all(redis_url: str, redis_client: redis.Redis) -> None:
    async def scenario() -> None:
        hub = EventHub(Feed(connect_async(redis_url, timeout_s=10)))
        with (
            ended(await started(hub, redis_client)),
            hub.watch(whole_project("default")) as everything,
            hub.watch("job_1") as one,
        ):
            add_events(redis_client, *range(6))
            assert await first_ids(everything, 6) == [f"1-{n}" for n in range(6)]
            assert await first_ids(one, 3) == ["1-1", "1-3", "1-5"]
            with contextlib.suppress(TimeoutError):
                assert await ids(one, 0.05) == []
        assert hub.watchers == 0
        await hub.disconnect()

    asyncio.run(scenario())


def test_the_watch_of_a_watcher_that_does_not_read_ends_and_others_continue(
    redis_url: str, redis_client: redis.Redis
) -> None:
    async def scenario() -> None:
        hub = EventHub(Feed(connect_async(redis_url, timeout_s=10)))
        with (
            ended(await started(hub, redis_client)),
            hub.watch(whole_project("default")) as slow,
            hub.watch(whole_project("default")) as quick,
        ):
            received: list[str] = []
            for start in range(0, 3000, 300):
                add_events(redis_client, *range(start, start + 300))
                received += await first_ids(quick, 300)
            assert received == [f"1-{n}" for n in range(3000)]
            with pytest.raises(WatchEnded):
                await ids(slow)
        await hub.disconnect()

    asyncio.run(scenario())


def test_closing_ends_every_watch_at_once(redis_url: str) -> None:
    async def scenario() -> None:
        hub = EventHub(Feed(connect_async(redis_url, timeout_s=10)))
        with hub.watch(whole_project("default")) as watcher:
            hub.close()
            with pytest.raises(WatchEnded):
                await watcher.take()
        with hub.watch("job_1") as late, pytest.raises(WatchEnded):
            await late.take()

    asyncio.run(scenario())


def test_the_kernel_closes_the_connection_of_a_client_that_never_reads() -> None:
    with (
        open_socket(ApiSettings(port=0)) as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as accepted,
    ):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 60_000


def test_a_system_without_that_option_serves_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "TCP_USER_TIMEOUT")  # as on macOS
    with open_socket(ApiSettings(port=0)) as listener:
        assert listener.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


def test_events_that_were_trimmed_before_the_hub_read_them_end_the_watch(
    redis_url: str, redis_client: redis.Redis
) -> None:
    """As after SIGSTOP of the API: the connection stays open, but the feed was trimmed."""

    async def scenario() -> None:
        hub = EventHub(Feed(connect_async(redis_url, timeout_s=10)))
        with ended(await started(hub, redis_client)), hub.watch("job_1") as watcher:
            add_events(redis_client, 1)
            assert await first_ids(watcher, 1) == ["1-1"]
            pipeline = redis_client.pipeline(transaction=True)
            for number in range(3_000):
                fields = {"job": f"job_{number % 4}", "id": f"2-{number}", "event": "state", "data": "{}"}
                pipeline.xadd(FEED, fields, maxlen=1_500, approximate=False)  # type: ignore[arg-type]
            pipeline.execute()
            with pytest.raises(WatchEnded):
                await wait_for_end(watcher)
            with hub.watch("job_1") as again:
                add_events(redis_client, 3)
                assert await first_ids(again, 1) == ["1-3"]
        await hub.disconnect()

    asyncio.run(scenario())


async def wait_for_end(watcher: Watcher) -> None:
    """Take heartbeats, and nothing else, until the watch ends."""
    while True:
        assert await ids(watcher) == []


def test_a_feed_with_another_history_ends_the_watch(redis_url: str, redis_client: redis.Redis) -> None:
    """As after Redis restarted with less data: new ids may be smaller than ids that were delivered."""

    async def scenario() -> None:
        hub = EventHub(Feed(connect_async(redis_url, timeout_s=10)))
        with ended(await started(hub, redis_client)), hub.watch("job_1") as watcher:
            add_events(redis_client, 1)
            assert await first_ids(watcher, 1) == ["1-1"]
            redis_client.delete(FEED)
            redis_client.xadd(FEED, {"job": "job_1", "id": "1-2", "event": "state", "data": "{}"}, id="5-1")
            with pytest.raises(WatchEnded):
                await wait_for_end(watcher)
            with hub.watch("job_1") as again:
                redis_client.xadd(
                    FEED, {"job": "job_1", "id": "1-3", "event": "state", "data": "{}"}, id="5-2"
                )
                assert await first_ids(again, 1) == ["1-3"]
        await hub.disconnect()

    asyncio.run(scenario())
