"""The API's Redis client: many requests share few connections, and no command waits long for a server that hangs."""

import asyncio
from typing import Any

import redis.asyncio

from worker.redis_server.connection import waiting_pool

_CONNECTIONS = 64
_TIMEOUT_S = 5.0
"""Limit for one command with all its reconnections, whose own timeouts add up to a minute."""


class _BoundedRedis(redis.asyncio.Redis):
    async def execute_command(self, *args: Any, **options: Any) -> Any:
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]  # redis-py's own
        except TimeoutError as error:
            raise redis.TimeoutError(f"no answer within {_TIMEOUT_S:g} s") from error


def connect_bounded(url: str) -> redis.asyncio.Redis:
    """Make a client that waits for a free connection when all are in use, where redis-py's default pool raises."""
    return _BoundedRedis.from_pool(waiting_pool(url, _CONNECTIONS, _TIMEOUT_S))
