"""The contents of event streams: a snapshot, then the stored events, then live events. Knows no HTTP."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

import redis

from api.events.item_history import ItemHistory
from api.events.sse import PROGRESS, EncodedEvents, encode, encode_item_events
from api.feed.hub import EventHub, whole_project
from api.feed.watcher import Batch, WatchEnded
from worker.errors import WorkerError
from worker.queue.feed import Feed, FeedEvent, order
from worker.queue.states import TERMINAL
from worker.redis_server.timestamps import now

_FEED_PAGE_EVENTS = 500
_HEARTBEAT = b": still here\n\n"
_MAX_ID_NUMBER = 2**64 - 1
_ID = re.compile(r"(\d{1,20})-(\d{1,20})", re.ASCII)
DEFAULT_KINDS = frozenset({"state", "epoch"})
_PROGRESS_EVERY_S = 0.25
"""How often a stream of a project that includes progress is written: a thousand running jobs report all the time."""
_INTERRUPTIONS = (WatchEnded, WorkerError, redis.RedisError)
"""These errors end a stream; the client reconnects with the last event id that it received."""


@lru_cache(64)
def _encode_item_batch(batch: Batch) -> EncodedEvents:
    return encode_item_events(batch.events)


@lru_cache(64)
def _encode_feed_batch(batch: Batch, kinds: frozenset[str]) -> EncodedEvents:
    return _encode_feed_events(batch.events, kinds)


def _encode_feed_events(events: Sequence[FeedEvent], kinds: frozenset[str]) -> EncodedEvents:
    latest_progress = {event.item_id: event for event in events if event.event == PROGRESS}
    chunks = [
        encode(event.event, event.data, event.feed_id)
        for event in events
        if event.event in kinds and (event.event != PROGRESS or latest_progress[event.item_id] is event)
    ]
    return EncodedEvents(b"".join(chunks), events[-1].feed_id if events else "", has_end=False)


def _events_after(last_id: str, batch: Batch, id_of: Callable[[FeedEvent], str]) -> Batch | None:
    """Return the events that follow `last_id`: a batch may contain events that were already sent as stored events."""
    last = order(last_id or "0-0")

    def is_new(event: FeedEvent) -> bool:
        # Progress has the id of the stored event before it.
        return order(id_of(event)) > last or (event.event == PROGRESS and order(id_of(event)) == last)

    if is_new(batch.events[0]):
        return batch
    new = tuple(filter(is_new, batch.events))
    return Batch(new) if new else None


def is_event_id(text: str) -> bool:
    """Return whether a Last-Event-ID has the form of a Redis stream id."""
    match = _ID.fullmatch(text)
    return match is not None and all(int(number) <= _MAX_ID_NUMBER for number in match.groups())


@dataclass(frozen=True)
class Subject:
    """The work item whose events a stream tells, as its owner sees it."""

    noun: str
    """`job` or `dataset`: names the fields of the id and of the snapshot."""
    id: str
    status: str
    """The status of the work item."""
    snapshot_json: str

    @property
    def is_finished(self) -> bool:
        """Whether the item has ended."""
        return self.status in TERMINAL

    def event(self, kind: str, body: str = "") -> bytes:
        """Write an event without an id about the item."""
        return encode(kind, f'{{"{self.noun}_id":"{self.id}","at":"{now()}"{body}}}')

    def snapshot(self) -> bytes:
        """Write the snapshot."""
        return self.event("snapshot", f',"{self.noun}":{self.snapshot_json}')

    def end(self) -> bytes:
        """Write the end."""
        return self.event("end", f',"status":"{self.status}"')


async def past_events(subject: Subject, last_id: str) -> AsyncIterator[bytes]:
    """Yield the stream of an item whose events are no longer stored: a snapshot and the end."""
    if last_id:
        yield subject.event("reset")
    yield subject.snapshot()
    yield subject.end()


class ItemEventStream:
    """The events of one work item that follow the event id `last_id`."""

    def __init__(self, history: ItemHistory, hub: EventHub, subject: Subject, last_id: str) -> None:
        self._history = history
        self._hub = hub
        self._subject = subject
        self._snapshot = subject.snapshot()
        self._is_id_invalid = bool(last_id) and not is_event_id(last_id)
        self._last_id = "" if self._is_id_invalid else last_id
        self._has_ended = False

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the stream until the item ends or an interruption."""
        with suppress(*_INTERRUPTIONS), self._hub.watch(self._subject.id) as watcher:
            async for chunk in self._stored():
                yield chunk
            while not self._has_ended:
                yield b"".join(map(self._live, await watcher.take())) or _HEARTBEAT

    async def _stored(self) -> AsyncIterator[bytes]:
        is_first = True
        while not self._has_ended:
            page = await self._history.read(self._subject.id, self._last_id)
            if page.is_reset or (is_first and self._is_id_invalid):
                yield self._subject.event("reset")
            if is_first or page.is_reset:
                yield self._snapshot
            is_first = False
            if page.chunk:
                self._last_id, self._has_ended = page.last_id, page.has_end
                yield page.chunk
            if not page.is_full:
                break  # the watch began before this page was read, so it delivers every later event
        if self._subject.is_finished and not self._has_ended:  # the client received the end event earlier
            self._has_ended = True
            yield self._subject.end()

    def _live(self, batch: Batch) -> bytes:
        new = _events_after(self._last_id, batch, lambda event: event.id)
        if new is None:
            return b""
        encoded = _encode_item_batch(new)
        self._last_id, self._has_ended = encoded.last_id, self._has_ended or encoded.has_end
        return encoded.chunk


class ProjectEventStream:
    """The events of all work of a project that follow the feed id `last_id`.

    Of several reports of progress of one item that would be written together, only the latest is.
    """

    def __init__(
        self,
        feed: Feed,
        hub: EventHub,
        project: str,
        jobs_json: str,
        last_id: str,
        *,
        kinds: frozenset[str] = DEFAULT_KINDS,
        should_replay: bool = True,
    ) -> None:
        """`kinds`: the kinds of events to send. `should_replay`: begin with the stored events, else with the next event."""
        self._feed = feed
        self._hub = hub
        self._project = project
        self._snapshot = encode("snapshot", f'{{"job_id":null,"at":"{now()}","jobs":{jobs_json}}}')
        self._is_id_invalid = bool(last_id) and not is_event_id(last_id)
        self._last_id = "" if self._is_id_invalid else last_id
        self._kinds = kinds
        self._should_replay = should_replay or bool(self._last_id)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the stream until an interruption."""
        with suppress(*_INTERRUPTIONS), self._hub.watch(whole_project(self._project)) as watcher:
            if not self._should_replay:
                self._last_id = await self._feed.last_id()
                yield self._snapshot
            else:
                async for chunk in self._stored():
                    yield chunk
            while True:
                yield b"".join(map(self._live, await watcher.take())) or _HEARTBEAT
                if PROGRESS in self._kinds:
                    await asyncio.sleep(_PROGRESS_EVERY_S)

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
                encoded = _encode_feed_events(
                    [event for event in events if event.project == self._project], self._kinds
                )
                self._last_id = events[-1].feed_id
                if encoded.chunk:
                    yield encoded.chunk
            if len(events) < _FEED_PAGE_EVENTS:
                break  # the watch delivers every later event

    def _live(self, batch: Batch) -> bytes:
        new = _events_after(self._last_id, batch, lambda event: event.feed_id)
        if new is None:
            return b""
        encoded = _encode_feed_batch(new, self._kinds)
        self._last_id = new.events[-1].feed_id
        return encoded.chunk
