"""Clients of Redis, and the check that this server may hold our records."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import ExponentialWithJitterBackoff
from redis.retry import Retry

from worker.errors import RedisUnusableError

OLDEST_VERSION = 7
CONNECT_TIMEOUT_S = 2.0
HEALTH_CHECK_EVERY_S = 15
RETRIES = 2


@dataclass(frozen=True)
class ServerReport:
    """What the start-up check found."""

    version: str
    warnings: tuple[str, ...]


def _backoff() -> ExponentialWithJitterBackoff:
    return ExponentialWithJitterBackoff(base=0.05, cap=0.5)


def connect(url: str, *, timeout_s: float = 3.0) -> redis.Redis:
    """Make a blocking client; it connects when first used."""
    return redis.Redis.from_url(
        url,
        decode_responses=True,
        socket_timeout=timeout_s,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        health_check_interval=HEALTH_CHECK_EVERY_S,
        retry=Retry(_backoff(), RETRIES),
    )


def connect_async(url: str, *, timeout_s: float = 3.0) -> redis.asyncio.Redis:
    """Make an asyncio client; a blocking reader wants one of its own with a longer timeout."""
    return redis.asyncio.Redis.from_url(
        url,
        decode_responses=True,
        socket_timeout=timeout_s,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        health_check_interval=HEALTH_CHECK_EVERY_S,
        retry=AsyncRetry(_backoff(), RETRIES),
    )


def broker_url(redis_url: str) -> str:
    """The same server as Celery writes it: kombu has words of its own for a Unix socket."""
    parts = urlsplit(redis_url)
    if parts.scheme != "unix":
        return redis_url
    database = parse_qs(parts.query).get("db", ["0"])[0]
    return f"redis+socket://{parts.netloc}{parts.path}?virtual_host={database}"


def check_server(client: redis.Redis) -> ServerReport:
    """Refuse a server that could lose or evict records; warn of one that keeps them in memory alone.

    Raises:
        RedisUnusableError: with what to do about it.
    """
    try:
        about = client.info("server")
        settings = client.config_get("maxmemory-policy", "appendonly", "appendfsync")
    except redis.AuthenticationError as error:
        raise RedisUnusableError("Redis refused the password: correct it in REDIS_URL.") from error
    except redis.ResponseError as error:
        raise RedisUnusableError(
            f"Redis refused to tell its settings ({error}): allow INFO and CONFIG GET."
        ) from error
    except (redis.ConnectionError, redis.TimeoutError) as error:
        raise RedisUnusableError("Redis cannot be reached: start it, or correct REDIS_URL.") from error
    _refuse_unfit(about, settings)
    return ServerReport(_version(about), tuple(_persistence_warnings(settings)))


def _version(about: Mapping[Any, Any]) -> str:
    return str(about.get("valkey_version") or about["redis_version"])


def _refuse_unfit(about: Mapping[Any, Any], settings: Mapping[Any, Any]) -> None:
    if int(_version(about).split(".")[0]) < OLDEST_VERSION:
        raise RedisUnusableError(
            f"Redis {_version(about)} is too old: run Redis ≥ {OLDEST_VERSION} or Valkey."
        )
    if about.get("redis_mode", about.get("server_mode")) == "cluster":
        raise RedisUnusableError(
            "Redis runs in cluster mode, which is not supported: use one server or Sentinel."
        )
    policy = settings["maxmemory-policy"]
    if policy != "noeviction":
        raise RedisUnusableError(
            f"Redis evicts records when memory is short (maxmemory-policy is {policy}): set it to noeviction."
        )


def _persistence_warnings(settings: Mapping[Any, Any]) -> list[str]:
    if settings["appendonly"] != "yes":
        return ["Redis does not persist (appendonly is no): a restart loses every job."]
    if settings["appendfsync"] != "always":
        return [f"Redis may lose the last moment in a power cut (appendfsync is {settings['appendfsync']})."]
    return []
