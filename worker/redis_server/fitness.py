"""Checks at start that a Redis server is fit to hold the records."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import redis

from worker.errors import RedisUnusableError

OLDEST_VERSION = 7
SETTINGS = ("maxmemory-policy", "appendonly", "appendfsync")


@dataclass(frozen=True)
class ServerReport:
    """The version of a server that passed the check, and warnings about its persistence."""

    version: str
    warnings: tuple[str, ...]


def check_server(client: redis.Redis) -> ServerReport:
    """Refuse a server that could evict records or is too old; warn about a server that does not persist its data.

    A managed server may refuse CONFIG: then INFO tells what it can, and a warning names the rest.

    Raises:
        RedisUnusableError: the server must not be used; the message says what to change.
    """
    try:
        about = client.info("server")
        settings = read_settings(client)
    except redis.AuthenticationError as error:
        raise RedisUnusableError("Redis refused the password: correct it in REDIS_URL.") from error
    except redis.ResponseError as error:
        raise RedisUnusableError(
            f"Redis refused to describe itself ({error}): allow INFO for Ninefold's user."
        ) from error
    except (redis.ConnectionError, redis.TimeoutError) as error:
        raise RedisUnusableError("Redis cannot be reached: start it, or correct REDIS_URL.") from error
    _refuse_unfit(about, settings)
    return ServerReport(_version(about), tuple(persistence_warnings(settings)))


def read_settings(client: redis.Redis) -> Mapping[Any, Any]:
    """Read the settings that matter for the records, from CONFIG GET or, where that is refused, from INFO."""
    try:
        settings: Mapping[Any, Any] = client.config_get(*SETTINGS)
    except redis.ResponseError:
        return settings_of_info(client.info("memory", "persistence"))
    return settings


def settings_of_info(about: Mapping[Any, Any]) -> dict[str, str]:
    """Return what INFO tells of the settings. It does not tell `appendfsync`."""
    settings = {"appendonly": "yes" if about.get("aof_enabled") else "no"}
    if "maxmemory_policy" in about:
        settings["maxmemory-policy"] = str(about["maxmemory_policy"])
    return settings


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
    policy = settings.get("maxmemory-policy", "noeviction")
    if policy != "noeviction":
        raise RedisUnusableError(
            f"Redis evicts records when memory is short (maxmemory-policy is {policy}): set it to noeviction."
        )


def persistence_warnings(settings: Mapping[Any, Any]) -> list[str]:
    """Return a warning if a server with these settings may lose acknowledged writes, or does not tell."""
    if settings.get("appendonly") != "yes":
        return ["Redis does not persist (appendonly is no): a restart loses every job."]
    fsync = settings.get("appendfsync")
    if fsync is None:
        return [
            "Redis does not show whether it syncs every write (CONFIG GET is refused): set appendfsync to always."
        ]
    if fsync != "always":
        return [
            f"Redis may lose the last writes in a power failure (appendfsync is {fsync}): set it to always."
        ]
    return []
