"""Reads the feed: the stream of the events of all work items, which the API's event hub follows."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import redis.asyncio

from worker.redis_server.clients import outages_as_unavailable
from worker.redis_server.keys import FEED
from worker.redis_server.projects import DEFAULT_PROJECT

PAGE_EVENTS = 1_000


@lru_cache(1024)
def order(stream_id: str) -> tuple[int, int]:
    """Return the sort key of a stream id: milliseconds, then the number within the millisecond."""
    milliseconds, _, number = stream_id.partition("-")
    return int(milliseconds), int(number or 0)


@dataclass(frozen=True)
class FeedEvent:
    """One event of any work item."""

    feed_id: str
    """The id in the feed."""
    item_id: str
    id: str
    """The id in the item's own stream; of progress, which is not stored, the id of the last event before it."""
    event: str
    data: str
    """JSON."""
    project: str = DEFAULT_PROJECT


def _event(feed_id: str, fields: dict[str, str]) -> FeedEvent:
    try:
        item_id, event_id, event, data = (fields[name] for name in ("job", "id", "event", "data"))
    except KeyError:
        return FeedEvent(feed_id, item_id="", id="0-0", event="", data="{}")
    return FeedEvent(
        feed_id,
        item_id,
        event_id,
        event,
        data,
        fields.get("project", DEFAULT_PROJECT),  # earlier releases write none
    )


class Feed:
    """Reads the feed. A blocking read needs its own client, with a socket timeout longer than `block_ms`."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self.redis = client

    async def last_id(self) -> str:
        """Return the id of the newest event; `0-0` when the feed is empty."""
        with outages_as_unavailable():
            newest = await self.redis.xrevrange(FEED, count=1)
        return str(newest[0][0]) if newest else "0-0"

    async def read(
        self, after: str, *, block_ms: int | None = None, count: int = PAGE_EVENTS
    ) -> list[FeedEvent]:
        """Return the events after the event `after`; wait at most `block_ms` for the first one.

        An entry that lacks a field is an event of no item: one strange entry must not end all event streams.
        """
        with outages_as_unavailable():
            streams: Any = await self.redis.xread({FEED: after}, count=count, block=block_ms)
        entries = streams[0][1] if streams else []
        return [_event(feed_id, fields) for feed_id, fields in entries]

    async def has_gap_after(self, feed_id: str) -> bool:
        """Return True when events after this one may be missing from the feed.

        Later events can be missing only if this event is: the feed drops its oldest events first, and a feed that was
        restored from a backup, or that lost its newest events, continues with other ids.
        """
        is_start = order(feed_id) == (0, 0)
        return not is_start and not await self.redis.xrange(FEED, feed_id, feed_id)

    async def read_kept(self, after: str, count: int) -> tuple[list[FeedEvent], bool]:
        """Return the events after `after`, and False; or, when some are no longer kept, the oldest ones kept, and True."""
        events = await self.read(after or "0-0", count=count)
        # Checked after the read: the feed may be trimmed at any time, and an intact feed now was intact at the read.
        if after and await self.has_gap_after(after):
            return await self.read("0-0", count=count), True
        return events, False
