"""Makes Redis clients, and converts a Redis URL to the form that Celery expects."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import ExponentialWithJitterBackoff
from redis.connection import parse_url
from redis.retry import Retry

from worker.redis_server.sentinel import (
    SentinelAddress,
    WaitingPrimaryPool,
    broker_of_primary,
    connect_to_primary,
    connect_to_primary_async,
    is_sentinel,
    sentinel_options,
)

CONNECT_TIMEOUT_S = 2.0
HEALTH_CHECK_EVERY_S = 15
RETRIES = 2


def _backoff() -> ExponentialWithJitterBackoff:
    return ExponentialWithJitterBackoff(base=0.05, cap=0.5)


def _options(timeout_s: float) -> dict[str, Any]:
    return {
        "decode_responses": True,
        "socket_timeout": timeout_s,
        "socket_connect_timeout": CONNECT_TIMEOUT_S,
        "health_check_interval": HEALTH_CHECK_EVERY_S,
    }


def connect(url: str, *, timeout_s: float = 3.0) -> redis.Redis:
    """Make a blocking client. The client connects at its first command.

    Raises:
        ValueError: the URL is malformed.
    """
    options = _options(timeout_s) | {"retry": Retry(_backoff(), RETRIES)}
    if is_sentinel(url):
        return connect_to_primary(url, options)
    return redis.Redis.from_url(url, **options)


def connect_async(url: str, *, timeout_s: float = 3.0) -> redis.asyncio.Redis:
    """Make an asyncio client. A reader that blocks in Redis needs its own client with a longer `timeout_s`."""
    options = _options(timeout_s) | {"retry": AsyncRetry(_backoff(), RETRIES)}
    if is_sentinel(url):
        return connect_to_primary_async(url, options)
    return redis.asyncio.Redis.from_url(url, **options)


def waiting_pool(url: str, connections: int, wait_s: float) -> redis.asyncio.ConnectionPool:
    """Make the connections of an asyncio client that waits at most `wait_s` for a free one when all are in use."""
    retry = AsyncRetry(_backoff(), RETRIES)
    options = _options(3.0) | {"retry": retry, "max_connections": connections, "timeout": wait_s}
    if is_sentinel(url):
        return connect_to_primary_async(url, options, WaitingPrimaryPool).connection_pool
    return redis.asyncio.BlockingConnectionPool.from_url(url, **options)


def broker_url(redis_url: str) -> str:
    """Return the URL of the same server and database for Celery.

    kombu writes a Unix socket's URL in its own form, and takes one URL for each Sentinel. Of the others' queries it
    reads some options in its own way, which `broker_tls` replaces.
    """
    parts = urlsplit(redis_url)
    if is_sentinel(redis_url):
        return broker_of_primary(redis_url)
    if parts.scheme == "unix":
        database = parse_qs(parts.query).get("db", ["0"])[0]
        return f"redis+socket://{parts.netloc}{parts.path}?virtual_host={database}"
    if not parts.query:
        return redis_url
    database = _given_options(redis_url).get("db", 0)
    return parts._replace(path=f"/{database}", query="").geturl()


def broker_options(redis_url: str) -> dict[str, Any]:
    """Return the transport options with which Celery finds the same server: the primary of Sentinels."""
    if not is_sentinel(redis_url):
        return {}
    address = SentinelAddress.parse(redis_url)
    return {"master_name": address.service, "sentinel_kwargs": sentinel_options(address)}


def broker_tls(redis_url: str) -> dict[str, Any] | None:
    """Return the TLS options of the store's own client for Celery; None without TLS.

    Without options kombu would accept every certificate.
    """
    if urlsplit(redis_url).scheme != "rediss":
        return None
    given = {name: value for name, value in _given_options(redis_url).items() if name.startswith("ssl_")}
    return {"ssl_cert_reqs": "required", **given}


def _given_options(redis_url: str) -> dict[str, Any]:
    """Read an address as the store's own client does."""
    options: dict[str, Any] = parse_url(redis_url)  # type: ignore[no-untyped-call]
    return options
