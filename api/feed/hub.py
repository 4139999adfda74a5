"""Reads the feed once per process and hands its events to all watchers."""

import asyncio
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import redis

from api.errors import ApiError
from api.feed.watcher import Batch, Watcher
from worker.errors import StoreUnavailableError
from worker.queue.feed import PAGE_EVENTS, Feed, FeedEvent

BLOCK_MS = 5_000
"""How long one read waits for events; the socket timeout of the hub's Redis client must be longer."""
_HEARTBEAT_S = 4.0
"""Proxies may close a stream that is silent for five seconds."""
_PAUSE_S = 0.07
"""After a read with events, later ones are collected: a read, and waking a watcher, costs many times what one more event
costs. The first event after a silence is delivered at once."""
_RETRY_S = (0.1, 0.2, 0.5, 1.0)

_log = logging.getLogger(__name__)


class TooManyWatchersError(ApiError):
    """Raised when one more event stream would leave too few sockets for other requests."""

    code = "too_many_watchers"

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"{limit} streams are open, the maximum of this server: try again later, or allow the server more open "
            "files (ulimit -n)."
        )


def whole_project(project: str) -> str:
    """Return the key under which all events of a project are watched; no id has a slash."""
    return f"project/{project}"


class EventHub:
    """The only reader of the feed in this process."""

    def __init__(self, feed: Feed, max_watchers: int = 1_000_000) -> None:
        self._feed = feed
        self._max_watchers = max_watchers
        self._by_key: dict[str, set[Watcher]] = {}
        self._last_id = ""
        self._is_closed = False

    @contextmanager
    def watch(self, key: str) -> Iterator[Watcher]:
        """Watch one work item, by its id, or all of a project, by `whole_project`, while the block runs."""
        watcher = Watcher()
        watchers = self._by_key.setdefault(key, set())
        watchers.add(watcher)
        if self._is_closed:
            watcher.end()
        try:
            yield watcher
        finally:
            watchers.discard(watcher)
            if not watchers and self._by_key.get(key) is watchers:
                del self._by_key[key]

    @property
    def watchers(self) -> int:
        """The current number of watchers."""
        return sum(map(len, self._by_key.values()))

    def require_free_watcher(self) -> None:
        """Return if one more watcher is allowed.

        Raises:
            TooManyWatchersError: the maximum is reached.
        """
        if self.watchers >= self._max_watchers:
            raise TooManyWatchersError(self._max_watchers)

    def close(self) -> None:
        """End every present and future watch, so that the server can stop."""
        self._is_closed = True
        self._end_all()

    async def disconnect(self) -> None:
        """Close the Redis connection."""
        await self._feed.redis.aclose()

    async def run(self) -> None:
        """Read the feed until cancelled; keep retrying while Redis is unreachable."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow())
            tasks.create_task(self._send_heartbeats())

    async def _send_heartbeats(self) -> None:
        # One timer for all watchers: one timeout for each took a quarter of a busy hub's time.
        while True:
            await asyncio.sleep(_HEARTBEAT_S)
            for watcher in self._all():
                watcher.wake()

    async def _follow(self) -> None:
        failures = 0
        while (
            not self._is_closed
        ):  # redis-py may lose a cancellation: asyncio.wait_for did so before Python 3.12
            try:
                await self._read_feed()
            except Exception as error:  # noqa: BLE001  # without the hub every watcher would wait for ever
                if failures == 0:
                    is_temporary = isinstance(error, (StoreUnavailableError, redis.RedisError))
                    _log.warning("the feed cannot be read: %s", error, exc_info=not is_temporary)
                await asyncio.sleep(_RETRY_S[min(failures, len(_RETRY_S) - 1)])
                failures += 1
            else:
                failures = 0

    async def _read_feed(self) -> None:
        if not self._last_id or await self._feed.has_gap_after(self._last_id):
            await self._restart()
        while not self._is_closed:
            events = await self._feed.read(self._last_id, block_ms=BLOCK_MS)
            # A gap can appear without a read error: after SIGSTOP of this process a full page waits, and after a
            # Redis server returned with less data no event ever comes. Only these two cases are checked for a gap.
            if len(events) in (0, PAGE_EVENTS) and await self._feed.has_gap_after(self._last_id):
                await self._restart()
                continue
            if events:
                self._distribute(events)
                self._last_id = events[-1].feed_id
            await asyncio.sleep(_PAUSE_S)

    async def _restart(self) -> None:
        """Continue at the end of the feed after missing events; clients reconnect and read those from the record."""
        self._last_id = await self._feed.last_id()
        self._end_all()

    def _distribute(self, events: list[FeedEvent]) -> None:
        by_key: dict[str, list[FeedEvent]] = {}
        for event in events:
            by_key.setdefault(event.item_id, []).append(event)
            by_key.setdefault(whole_project(event.project), []).append(event)
        for key, events_of_key in by_key.items():
            if watchers := self._by_key.get(key):
                batch = Batch(tuple(events_of_key))
                for watcher in watchers:
                    watcher.put(batch)

    def _all(self) -> Iterable[Watcher]:
        return [watcher for watchers in self._by_key.values() for watcher in watchers]

    def _end_all(self) -> None:
        for watcher in self._all():
            watcher.end()
