"""Reads a work item and its past events from Redis, for all event streams of this process."""

import asyncio
import time
from collections import OrderedDict

from api.events.sse import EncodedEvents, encode_item_events
from worker.queue.store import AsyncJobStore

_PAGE_EVENTS = 200
_CONCURRENT_READS = 16
"""Fewer than the connections to Redis, so that a thousand new streams at once leave connections for other requests, and
no stream waits for a connection so long that its request fails."""
_CACHED_PAGES = 64
_CACHED_S = 2.0
"""How long a page is kept: long enough to be shared by streams that begin together; older pages may hold events that
were trimmed since."""
_MAX_CACHED_BYTES = 256 * 1024


class ItemHistory:
    """Reads pages of an item's events; a full page is read and encoded once for all streams that ask within 2 s."""

    def __init__(self, store: AsyncJobStore) -> None:
        self._store = store
        self._reads = asyncio.Semaphore(_CONCURRENT_READS)
        self._cache: OrderedDict[tuple[str, str], tuple[float, EncodedEvents]] = OrderedDict()

    async def item_json(self, item_id: str, project: str) -> str:
        """Return a work item as JSON; raises JobNotFoundError."""
        async with self._reads:
            return await self._store.get_json(item_id, project)

    async def read(self, item_id: str, after: str) -> EncodedEvents:
        """Return a page of the events that follow the event id `after`; an empty page if there are none yet."""
        async with self._reads:
            return self._cached(item_id, after) or await self._read(item_id, after)

    async def _read(self, item_id: str, after: str) -> EncodedEvents:
        found = await self._store.events(item_id, after, _PAGE_EVENTS, None)
        is_full = len(found.events) == _PAGE_EVENTS
        page = encode_item_events(found.events, is_reset=found.is_reset, is_full=is_full)
        # A page that is not full is never cached: its next event may happen at any moment.
        if is_full and not page.is_reset and len(page.chunk) <= _MAX_CACHED_BYTES:
            self._cache[item_id, after] = time.monotonic(), page
            if len(self._cache) > _CACHED_PAGES:
                self._cache.popitem(last=False)
        return page

    def _cached(self, item_id: str, after: str) -> EncodedEvents | None:
        read_at, page = self._cache.get((item_id, after), (0.0, None))
        return page if time.monotonic() - read_at < _CACHED_S else None
