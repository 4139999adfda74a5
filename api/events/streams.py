"""The contents of event streams: a snapshot, then the stored events, then live events. Knows no HTTP."""

import json
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from functools import lru_cache

import redis

from api.events.job_history import JobHistory
from api.events.sse import EncodedEvents, encode, encode_job_events
from api.feed.hub import EventHub
from api.feed.watcher import Batch, WatchEnded
from worker.errors import WorkerError
from worker.queue.feed import Feed, FeedEvent, order
from worker.queue.states import TERMINAL
from worker.redis_server.timestamps import now

_FEED_PAGE_EVENTS = 500
_HEARTBEAT = b": still here\n\n"
_MAX_ID_NUMBER = 2**64 - 1
_ID = re.compile(r"(\d{1,20})-(\d{1,20})", re.ASCII)
_KINDS_OF_ALL_JOBS = frozenset({"state", "epoch"})
_INTERRUPTIONS = (WatchEnded, WorkerError, redis.RedisError)
"""These errors end a stream; the client reconnects with the last event id that it received."""


@lru_cache(64)
def _encode_job_batch(batch: Batch) -> EncodedEvents:
    return encode_job_events(batch.events)


@lru_cache(64)
def _encode_feed_batch(batch: Batch) -> EncodedEvents:
    return _encode_feed_events(batch.events)


def _encode_feed_events(events: Sequence[FeedEvent]) -> EncodedEvents:
    chunks = [
        encode(event.event, event.data, event.feed_id)
        for event in events
        if event.event in _KINDS_OF_ALL_JOBS
    ]
    return EncodedEvents(b"".join(chunks), events[-1].feed_id, has_end=False)


def _events_after(last_id: str, batch: Batch, id_of: Callable[[FeedEvent], str]) -> Batch | None:
    """Return the events that follow `last_id`: a batch may contain events that were already sent as stored events."""
    last = order(last_id or "0-0")
    if order(id_of(batch.events[0])) > last:
        return batch
    new = tuple(event for event in batch.events if order(id_of(event)) > last)
    return Batch(new) if new else None


def is_event_id(text: str) -> bool:
    """Return whether a Last-Event-ID has the form of a Redis stream id."""
    match = _ID.fullmatch(text)
    return match is not None and all(int(number) <= _MAX_ID_NUMBER for number in match.groups())


def _stamp(job_id: str) -> str:
    return f'"job_id":"{job_id}","at":"{now()}"'


def _end(job_id: str, status: str) -> bytes:
    return encode("end", f'{{{_stamp(job_id)},"status":"{status}"}}')


async def archived_job_events(job_json: str, last_id: str) -> AsyncIterator[bytes]:
    """Yield the stream of an archived job, whose events are no longer stored: a snapshot and the end."""
    job = json.loads(job_json)
    if last_id:
        yield encode("reset", f"{{{_stamp(job['id'])}}}")
    yield encode("snapshot", f'{{{_stamp(job["id"])},"job":{job_json}}}')
    yield _end(job["id"], job["status"])


class JobEventStream:
    """The events of one job that follow the event id `last_id`."""

    def __init__(self, history: JobHistory, hub: EventHub, job_json: str, last_id: str) -> None:
        job = json.loads(job_json)
        self._history = history
        self._hub = hub
        self._job_id: str = job["id"]
        self._is_finished = job["status"] in TERMINAL
        self._status: str = job["status"]
        self._snapshot = encode("snapshot", f'{{{_stamp(self._job_id)},"job":{job_json}}}')
        self._is_id_invalid = bool(last_id) and not is_event_id(last_id)
        self._last_id = "" if self._is_id_invalid else last_id
        self._has_ended = False

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the stream until the job ends or an interruption."""
        with suppress(*_INTERRUPTIONS), self._hub.watch(self._job_id) as watcher:
            async for chunk in self._stored():
                yield chunk
            while not self._has_ended:
                yield b"".join(map(self._live, await watcher.take())) or _HEARTBEAT

    async def _stored(self) -> AsyncIterator[bytes]:
        is_first = True
        while not self._has_ended:
            page = await self._history.read(self._job_id, self._last_id)
            if page.is_reset or (is_first and self._is_id_invalid):
                yield encode("reset", f"{{{_stamp(self._job_id)}}}")
            if is_first or page.is_reset:
                yield self._snapshot
            is_first = False
            if page.chunk:
                self._last_id, self._has_ended = page.last_id, page.has_end
                yield page.chunk
            if not page.is_full:
                break  # the watch began before this page was read, so it delivers every later event
        if self._is_finished and not self._has_ended:  # the client received the job's end event earlier
            self._has_ended = True
            yield _end(self._job_id, self._status)

    def _live(self, batch: Batch) -> bytes:
        new = _events_after(self._last_id, batch, lambda event: event.id)
        if new is None:
            return b""
        encoded = _encode_job_batch(new)
        self._last_id, self._has_ended = encoded.last_id, self._has_ended or encoded.has_end
        return encoded.chunk


class AllEventStream:
    """The state and epoch events of all jobs that follow the feed id `last_id`."""

    def __init__(self, feed: Feed, hub: EventHub, jobs_json: str, last_id: str) -> None:
        self._feed = feed
        self._hub = hub
        self._snapshot = encode("snapshot", f'{{"job_id":null,"at":"{now()}","jobs":{jobs_json}}}')
        self._is_id_invalid = bool(last_id) and not is_event_id(last_id)
        self._last_id = "" if self._is_id_invalid else last_id

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the stream until an interruption."""
        with suppress(*_INTERRUPTIONS), self._hub.watch(None) as watcher:
            async for chunk in self._stored():
                yield chunk
            while True:
                yield b"".join(map(self._live, await watcher.take())) or _HEARTBEAT

    async def _stored(self) -> AsyncIterator[bytes]:
        is_first = True
        while True:
            events, is_reset = await self._feed.read_kept(self._last_id, _FEED_PAGE_EVENTS)
            if is_reset or (is_first and self._is_id_invalid):
                yield encode("reset", f'{{"job_id":null,"at":"{now()}"}}')
            if is_first or is_reset:
                yield self._snapshot
            is_first = False
            if events:
                encoded = _encode_feed_events(events)
                self._last_id = encoded.last_id
                if encoded.chunk:
                    yield encoded.chunk
            if len(events) < _FEED_PAGE_EVENTS:
                break  # the watch delivers every later event

    def _live(self, batch: Batch) -> bytes:
        new = _events_after(self._last_id, batch, lambda event: event.feed_id)
        if new is None:
            return b""
        encoded = _encode_feed_batch(new)
        self._last_id = encoded.last_id
        return encoded.chunk
