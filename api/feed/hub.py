"""Hears every event once per process and hands it to those who watch; a slow watcher harms only itself."""

import asyncio
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import redis

from api.errors import ApiError
from worker.errors import StoreUnavailableError
from worker.queue.feed import PAGE_EVENTS, Feed, FeedEvent

BLOCK_MS = 5_000
"""The hub's client needs a longer timeout than this."""
_HEARTBEAT_S = 12.0
_QUEUE_EVENTS = 1_000
_PAUSE_A_WATCHER_S = 70e-6
_LONGEST_PAUSE_S = 0.07
_RETRY_S = (0.1, 0.2, 0.5, 1.0)

_log = logging.getLogger(__name__)


class WatchEnded(Exception):  # noqa: N818  # an end, not a failure
    """Raised when a watcher fell behind or the service stops: its client is to come back."""


class TooManyWatchersError(ApiError):
    """Raised when one more watcher would leave too few sockets for everyone else."""

    code = "too_many_watchers"

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"{limit} streams are open, as many as this server can hold: try again later, or allow it more open "
            "files (ulimit -n)."
        )


@dataclass(frozen=True, eq=False)
class Batch:
    """Events of one watch that came together: what is made of them is made once for all who hear them."""

    events: tuple[FeedEvent, ...]
    """In order; one at least."""


class Watcher:
    """One client's bounded queue of events."""

    def __init__(self) -> None:
        self._batches: list[Batch] = []
        self._waiting_events = 0
        self._has_news = asyncio.Event()
        self._is_over = False

    def put(self, batch: Batch) -> None:
        """Add a batch; one event too many ends the watch and frees the queue."""
        self._waiting_events += len(batch.events)
        if self._waiting_events > _QUEUE_EVENTS:
            self.end()
        if not self._is_over:
            self._batches.append(batch)
            self._has_news.set()

    def end(self) -> None:
        """End the watch."""
        self._is_over = True
        self._batches.clear()
        self._has_news.set()

    def wake(self) -> None:
        """Let `take` return what there is."""
        self._has_news.set()

    async def take(self) -> list[Batch]:
        """All that came, waiting for a first; empty after a quiet while: then the client is to hear a heartbeat.

        Raises:
            WatchEnded: nothing more will come.
        """
        await self._has_news.wait()
        if self._is_over:
            raise WatchEnded
        self._has_news.clear()
        taken, self._batches, self._waiting_events = self._batches, [], 0
        return taken


class EventHub:
    """The one reader of the feed in this process."""

    def __init__(self, feed: Feed, most_watchers: int = 1_000_000) -> None:
        self._feed = feed
        self._most_watchers = most_watchers
        self._by_job: dict[str | None, set[Watcher]] = {}
        self._last_id = ""
        self._is_closed = False

    @contextmanager
    def watch(self, job_id: str | None) -> Iterator[Watcher]:
        """Watch one job, or all of them (None), for as long as the block runs."""
        watcher = Watcher()
        watchers = self._by_job.setdefault(job_id, set())
        watchers.add(watcher)
        if self._is_closed:
            watcher.end()
        try:
            yield watcher
        finally:
            watchers.discard(watcher)
            if not watchers and self._by_job.get(job_id) is watchers:
                del self._by_job[job_id]

    @property
    def watchers(self) -> int:
        """How many watch now."""
        return sum(map(len, self._by_job.values()))

    def check_room(self) -> None:
        """See that one more may watch.

        Raises:
            TooManyWatchersError: as many watch as may.
        """
        if self.watchers >= self._most_watchers:
            raise TooManyWatchersError(self._most_watchers)

    def close(self) -> None:
        """End every watch, now and from now on, so that the server can stop."""
        self._is_closed = True
        self._end_all()

    async def disconnect(self) -> None:
        """Let go of Redis."""
        await self._feed.redis.aclose()

    async def run(self) -> None:
        """Read the feed until cancelled; while Redis is away, try again and again."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow())
            tasks.create_task(self._beat())

    async def _beat(self) -> None:
        # One clock for all: a timeout for each watcher took a quarter of a busy hub's time.
        while True:
            await asyncio.sleep(_HEARTBEAT_S)
            for watcher in self._all():
                watcher.wake()

    async def _follow(self) -> None:
        failures = 0
        while True:
            try:
                await self._read_feed()
            except Exception as error:  # noqa: BLE001  # without the hub every watcher would wait for ever
                if failures == 0:
                    is_passing = isinstance(error, (StoreUnavailableError, redis.RedisError))
                    _log.warning("the feed cannot be read: %s", error, exc_info=not is_passing)
                await asyncio.sleep(_RETRY_S[min(failures, len(_RETRY_S) - 1)])
                failures += 1
            else:
                failures = 0

    async def _read_feed(self) -> None:
        if not self._last_id or await self._feed.has_gap_after(self._last_id):
            await self._start_anew()
        while True:
            events = await self._feed.read(self._last_id, block_ms=BLOCK_MS)
            # A process that was stopped, or a server that came back unnoticed: then as much as can be waits for us,
            # or nothing ever comes.
            if len(events) in (0, PAGE_EVENTS) and await self._feed.has_gap_after(self._last_id):
                await self._start_anew()
                continue
            if events:
                self._hand_out(events)
                self._last_id = events[-1].feed_id
            # To wake a watcher costs far more than an event does: the more watch, the more events go together.
            await asyncio.sleep(min(self.watchers * _PAUSE_A_WATCHER_S, _LONGEST_PAUSE_S))

    async def _start_anew(self) -> None:
        """Events went by unheard: the watchers come back, and read them from the record."""
        self._last_id = await self._feed.last_id()
        self._end_all()

    def _hand_out(self, events: list[FeedEvent]) -> None:
        by_job: dict[str | None, list[FeedEvent]] = {None: events}
        for event in events:
            by_job.setdefault(event.job_id, []).append(event)
        for key, of_key in by_job.items():
            if watchers := self._by_job.get(key):
                batch = Batch(tuple(of_key))
                for watcher in watchers:
                    watcher.put(batch)

    def _all(self) -> Iterable[Watcher]:
        return [watcher for watchers in self._by_job.values() for watcher in watchers]

    def _end_all(self) -> None:
        for watcher in self._all():
            watcher.end()
