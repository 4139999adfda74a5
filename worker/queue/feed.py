"""The feed: what happens to all jobs, as one stream that the API's hub follows."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import redis.asyncio
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from worker.errors import StoreUnavailableError
from worker.redis_server.keys import FEED

PAGE_EVENTS = 1_000


@lru_cache(1024)
def order(stream_id: str) -> tuple[int, int]:
    """What a stream's ids are sorted by."""
    milliseconds, _, number = stream_id.partition("-")
    return int(milliseconds), int(number or 0)


@dataclass(frozen=True)
class FeedEvent:
    """Something that happened to some job."""

    feed_id: str
    """Its id in the feed."""
    job_id: str
    id: str
    """Its id in the job's own stream."""
    event: str
    data: str
    """JSON."""


class Feed:
    """Reads the feed; who blocks needs a client of its own, whose socket timeout is longer than any `block_ms`."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self.redis = client

    async def last_id(self) -> str:
        """The id of the newest event; `0-0` when nothing has happened yet."""
        try:
            newest = await self.redis.xrevrange(FEED, count=1)
        except (RedisConnectionError, RedisTimeoutError) as error:
            raise StoreUnavailableError("Redis did not answer: try again shortly.") from error
        return str(newest[0][0]) if newest else "0-0"

    async def read(
        self, after: str, *, block_ms: int | None = None, count: int = PAGE_EVENTS
    ) -> list[FeedEvent]:
        """The events that follow `after`; waits for the first of them, `block_ms` at most."""
        try:
            streams: Any = await self.redis.xread({FEED: after}, count=count, block=block_ms)
        except (RedisConnectionError, RedisTimeoutError) as error:
            raise StoreUnavailableError("Redis did not answer: try again shortly.") from error
        entries = streams[0][1] if streams else []
        return [
            FeedEvent(feed_id, fields["job"], fields["id"], fields["event"], fields["data"])
            for feed_id, fields in entries
        ]

    async def has_gap_after(self, feed_id: str) -> bool:
        """Whether events that followed this one are no longer kept, or the feed has another history by now.

        Either way the event itself is not there: the feed gives up its oldest first, and a restored backup or a server
        that lost its end goes on with other ids.
        """
        is_start = order(feed_id) == (0, 0)
        return not is_start and not await self.redis.xrange(FEED, feed_id, feed_id)

    async def read_kept(self, after: str, count: int) -> tuple[list[FeedEvent], bool]:
        """The kept events that follow `after`; and whether some in between are not kept: then all that are."""
        events = await self.read(after or "0-0", count=count)
        # Asked afterwards: the feed may be trimmed at any time, and what was read before that is whole.
        if after and await self.has_gap_after(after):
            return await self.read("0-0", count=count), True
        return events, False
