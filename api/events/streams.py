"""What a watcher hears, in order: a snapshot, what is kept, then what happens. Knows no HTTP but the SSE format."""

import json
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from functools import lru_cache

import redis

from api.events.job_pages import EventPages, Page, encode, write
from api.feed.hub import Batch, EventHub, WatchEnded
from worker.errors import WorkerError
from worker.queue.feed import Feed, FeedEvent, order
from worker.queue.states import TERMINAL
from worker.redis_server.timestamps import now

_FEED_PAGE = 500
_HEARTBEAT = b": still here\n\n"
_LARGEST_PART = 2**64 - 1
_ID = re.compile(r"(\d{1,20})-(\d{1,20})", re.ASCII)
_KINDS_OF_ALL = frozenset({"state", "epoch"})
_INTERRUPTIONS = (WatchEnded, WorkerError, redis.RedisError)
"""After these the stream ends, and its client comes back with the last id it saw."""


@lru_cache(64)
def _of_job(batch: Batch) -> Page:
    return write(batch.events)


@lru_cache(64)
def _of_all(batch: Batch) -> Page:
    return _write_of_all(batch.events)


def _write_of_all(events: Sequence[FeedEvent]) -> Page:
    chunks = [
        encode(event.event, event.data, event.feed_id) for event in events if event.event in _KINDS_OF_ALL
    ]
    return Page(b"".join(chunks), events[-1].feed_id, has_end=False)


def _after(last_id: str, batch: Batch, id_of: Callable[[FeedEvent], str]) -> Batch | None:
    """What of a batch follows `last_id`: all of it, but where a replay and the watch overlap."""
    last = order(last_id or "0-0")
    if order(id_of(batch.events[0])) > last:
        return batch
    new = tuple(event for event in batch.events if order(id_of(event)) > last)
    return Batch(new) if new else None


def is_event_id(text: str) -> bool:
    """Whether a Last-Event-ID is one that a stream could have given."""
    match = _ID.fullmatch(text)
    return match is not None and all(int(part) <= _LARGEST_PART for part in match.groups())


def _stamp(job_id: str) -> str:
    return f'"job_id":"{job_id}","at":"{now()}"'


def _end(job_id: str, status: str) -> bytes:
    return encode("end", f'{{{_stamp(job_id)},"status":"{status}"}}')


async def all_of_archived(job_json: str, last_id: str) -> AsyncIterator[bytes]:
    """A job whose events are not kept any more: what it came to, and its end."""
    job = json.loads(job_json)
    if last_id:
        yield encode("reset", f"{{{_stamp(job['id'])}}}")
    yield encode("snapshot", f'{{{_stamp(job["id"])},"job":{job_json}}}')
    yield _end(job["id"], job["status"])


class JobEventStream:
    """The events of one job, from the one after `last_id`."""

    def __init__(self, pages: EventPages, hub: EventHub, job_json: str, last_id: str) -> None:
        job = json.loads(job_json)
        self._pages = pages
        self._hub = hub
        self._job_id: str = job["id"]
        self._is_finished = job["status"] in TERMINAL
        self._status: str = job["status"]
        self._snapshot = encode("snapshot", f'{{{_stamp(self._job_id)},"job":{job_json}}}')
        self._is_lost = bool(last_id) and not is_event_id(last_id)
        self._last_id = "" if self._is_lost else last_id
        self._has_ended = False

    async def chunks(self) -> AsyncIterator[bytes]:
        """The stream, until the job's end or an interruption."""
        with suppress(*_INTERRUPTIONS), self._hub.watch(self._job_id) as watcher:
            async for chunk in self._replay():
                yield chunk
            while not self._has_ended:
                yield b"".join(map(self._news, await watcher.take())) or _HEARTBEAT

    async def _replay(self) -> AsyncIterator[bytes]:
        is_first = True
        while not self._has_ended:
            page = await self._pages.read(self._job_id, self._last_id)
            if page.is_reset or (is_first and self._is_lost):
                yield encode("reset", f"{{{_stamp(self._job_id)}}}")
            if is_first or page.is_reset:
                yield self._snapshot
            is_first = False
            if page.chunk:
                self._last_id, self._has_ended = page.last_id, page.has_end
                yield page.chunk
            if not page.is_full:
                break  # the watch began before this page was read: it hears of whatever follows
        if self._is_finished and not self._has_ended:  # its end was heard before
            self._has_ended = True
            yield _end(self._job_id, self._status)

    def _news(self, batch: Batch) -> bytes:
        new = _after(self._last_id, batch, lambda event: event.id)
        if new is None:
            return b""
        page = _of_job(new)
        self._last_id, self._has_ended = page.last_id, self._has_ended or page.has_end
        return page.chunk


class AllEventStream:
    """The state and epoch events of all jobs, from the one after `last_id`."""

    def __init__(self, feed: Feed, hub: EventHub, jobs_json: str, last_id: str) -> None:
        self._feed = feed
        self._hub = hub
        self._snapshot = encode("snapshot", f'{{"job_id":null,"at":"{now()}","jobs":{jobs_json}}}')
        self._is_lost = bool(last_id) and not is_event_id(last_id)
        self._last_id = "" if self._is_lost else last_id

    async def chunks(self) -> AsyncIterator[bytes]:
        """The stream, until an interruption."""
        with suppress(*_INTERRUPTIONS), self._hub.watch(None) as watcher:
            async for chunk in self._replay():
                yield chunk
            while True:
                yield b"".join(map(self._news, await watcher.take())) or _HEARTBEAT

    async def _replay(self) -> AsyncIterator[bytes]:
        is_first = True
        while True:
            events, is_reset = await self._feed.read_kept(self._last_id, _FEED_PAGE)
            if is_reset or (is_first and self._is_lost):
                yield encode("reset", f'{{"job_id":null,"at":"{now()}"}}')
            if is_first or is_reset:
                yield self._snapshot
            is_first = False
            if events:
                page = _write_of_all(events)
                self._last_id = page.last_id
                if page.chunk:
                    yield page.chunk
            if len(events) < _FEED_PAGE:
                break  # as above

    def _news(self, batch: Batch) -> bytes:
        new = _after(self._last_id, batch, lambda event: event.feed_id)
        if new is None:
            return b""
        page = _of_all(new)
        self._last_id = page.last_id
        return page.chunk
