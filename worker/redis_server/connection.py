"""Makes Redis clients, and converts a Redis URL to the form that Celery expects."""

from urllib.parse import parse_qs, urlsplit

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import ExponentialWithJitterBackoff
from redis.retry import Retry

CONNECT_TIMEOUT_S = 2.0
HEALTH_CHECK_EVERY_S = 15
RETRIES = 2


def _backoff() -> ExponentialWithJitterBackoff:
    return ExponentialWithJitterBackoff(base=0.05, cap=0.5)


def connect(url: str, *, timeout_s: float = 3.0) -> redis.Redis:
    """Make a blocking client. The client connects at its first command."""
    return redis.Redis.from_url(
        url,
        decode_responses=True,
        socket_timeout=timeout_s,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        health_check_interval=HEALTH_CHECK_EVERY_S,
        retry=Retry(_backoff(), RETRIES),
    )


def connect_async(url: str, *, timeout_s: float = 3.0) -> redis.asyncio.Redis:
    """Make an asyncio client. A reader that blocks in Redis needs its own client with a longer `timeout_s`."""
    return redis.asyncio.Redis.from_url(
        url,
        decode_responses=True,
        socket_timeout=timeout_s,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        health_check_interval=HEALTH_CHECK_EVERY_S,
        retry=AsyncRetry(_backoff(), RETRIES),
    )


def broker_url(redis_url: str) -> str:
    """Return the URL of the same server for Celery: kombu writes a Unix socket's URL in its own form."""
    parts = urlsplit(redis_url)
    if parts.scheme != "unix":
        return redis_url
    database = parse_qs(parts.query).get("db", ["0"])[0]
    return f"redis+socket://{parts.netloc}{parts.path}?virtual_host={database}"
