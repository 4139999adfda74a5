"""Checks that a Redis or Valkey server answers, and shuts down a leftover one. Knows no keys and no records."""

import contextlib
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from ninefold.errors import StartError

TIMEOUT_S = 5.0
SHUTDOWN_TIMEOUT_S = 1.0


def _connect(url: str, timeout_s: float) -> redis.Redis:
    return redis.Redis.from_url(
        url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, retry=Retry(NoBackoff(), 0)
    )


def is_answering(url: str) -> bool:
    """Whether the server answers a ping; a server that is still loading its data does not."""
    try:
        with _connect(url, TIMEOUT_S) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def require_answer(url: str) -> None:
    """Raise a StartError that says what to do unless the server answers a ping.

    Only `redis://` URLs are checked: the API and the worker check TLS, Unix sockets and Sentinel when they start.
    """
    parts = urlsplit(url)
    if parts.scheme != "redis":
        return
    address = f"{parts.hostname}:{parts.port or 6379}"
    try:
        with _connect(url, TIMEOUT_S) as client:
            client.ping()
    except redis.RedisError as error:
        if error.status_code:  # an error reply such as NOAUTH or WRONGPASS: the server was reached
            raise StartError(f"Redis at {address} refuses: {error.status_code} {error.args[0]}") from error
        raise StartError(
            f"Redis at {address} cannot be reached ({error.args[0]}). "
            "Check REDIS_URL, or unset it to use the embedded server."
        ) from error


def shut_down(url: str) -> None:
    """Ask the server to shut down; does nothing if there is no server or it refuses."""
    with contextlib.suppress(redis.RedisError), _connect(url, SHUTDOWN_TIMEOUT_S) as client:
        client.shutdown()
