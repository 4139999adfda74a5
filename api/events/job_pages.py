"""What watchers read of a job's record when they come, a page at a time; a page that is full is made once for all."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from worker.queue.feed import FeedEvent
from worker.queue.reads import Event
from worker.queue.store import AsyncJobStore

_PAGE_EVENTS = 200
_AT_ONCE = 16
"""Fewer than the connections to Redis, so that a thousand watchers at once leave some to everyone else, and none of
them waits so long for a connection that it is refused."""
_PAGES_KEPT = 64
_KEPT_S = 2.0
"""As long as a crowd takes to pass; by then the record may have been trimmed."""
_LARGEST_KEPT_BYTES = 256 * 1024


def encode(kind: str, data: str, event_id: str = "") -> bytes:
    """One event as it goes over the wire; `data` is JSON on one line."""
    return f"event: {kind}\n{f'id: {event_id}' if event_id else ':'}\ndata: {data}\n\n".encode()


@dataclass(frozen=True)
class Page:
    """Events that follow each other, ready to be sent."""

    chunk: bytes
    last_id: str
    has_end: bool
    is_reset: bool = False
    is_full: bool = False
    """There may be more already."""


def write(events: Iterable[Event | FeedEvent], *, is_reset: bool = False, is_full: bool = False) -> Page:
    """A page of one job's events."""
    chunks, last_id, has_end = [], "", False
    for event in events:
        chunks.append(encode(event.event, event.data, event.id))
        last_id = event.id
        has_end = has_end or event.event == "end"
    return Page(b"".join(chunks), last_id, has_end, is_reset, is_full)


class EventPages:
    """Reads the record for all the watchers of this process."""

    def __init__(self, store: AsyncJobStore) -> None:
        self._store = store
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._full: OrderedDict[tuple[str, str], tuple[float, Page]] = OrderedDict()

    async def job_json(self, job_id: str) -> str:
        """One job as JSON; raises JobNotFoundError."""
        async with self._turns:
            return await self._store.get_json(job_id)

    async def read(self, job_id: str, after: str) -> Page:
        """The events that follow `after`, so many at once; an empty page when there are none yet."""
        async with self._turns:
            return self._kept(job_id, after) or await self._read(job_id, after)

    async def _read(self, job_id: str, after: str) -> Page:
        found = await self._store.events(job_id, after, _PAGE_EVENTS)
        is_full = len(found.events) == _PAGE_EVENTS
        page = write(found.events, is_reset=found.is_reset, is_full=is_full)
        # What follows a page that is not full may happen at any moment: that is never kept.
        if is_full and not page.is_reset and len(page.chunk) <= _LARGEST_KEPT_BYTES:
            self._full[job_id, after] = time.monotonic(), page
            if len(self._full) > _PAGES_KEPT:
                self._full.popitem(last=False)
        return page

    def _kept(self, job_id: str, after: str) -> Page | None:
        made_at, page = self._full.get((job_id, after), (0.0, None))
        return page if time.monotonic() - made_at < _KEPT_S else None
