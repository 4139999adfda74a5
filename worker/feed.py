"""The feed: what happens to all jobs, as one stream that the API's hub follows."""

from dataclasses import dataclass
from typing import Any

import redis.asyncio
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from worker.errors import StoreUnavailableError
from worker.redis_keys import FEED


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
    """Reads the feed over a client of its own, whose socket timeout must be longer than any `block_ms`."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self.redis = client

    async def last_id(self) -> str:
        """The id of the newest event; `0-0` when nothing has happened yet."""
        try:
            newest = await self.redis.xrevrange(FEED, count=1)
        except (RedisConnectionError, RedisTimeoutError) as error:
            raise StoreUnavailableError("Redis did not answer: try again shortly.") from error
        return str(newest[0][0]) if newest else "0-0"

    async def read(self, after: str, *, block_ms: int = 5_000, count: int = 1_000) -> list[FeedEvent]:
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
