"""Reads `sentinel://` addresses and makes clients of the primary that the Sentinels name. Knows no Celery."""

from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import redis
import redis.asyncio
import redis.asyncio.sentinel
import redis.sentinel
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

SCHEME = "sentinel"
_PORT = 26379
_TIMEOUT_S = 1.0
"""A Sentinel that does not answer in this time is skipped: another one knows the primary too."""


@dataclass(frozen=True)
class SentinelAddress:
    """`sentinel://[USER:PASSWORD@]HOST[:PORT][,HOST[:PORT]…]/SERVICE[/DATABASE]`, with the credentials of the server.

    Credentials of the Sentinels themselves are `?sentinel_username=…&sentinel_password=…`.
    """

    sentinels: tuple[tuple[str, int], ...]
    service: str
    database: int
    user_info: str
    """User and password of the server as in the address, with `@` at the end; empty without."""
    credentials: dict[str, str]
    sentinel_credentials: dict[str, str]

    @classmethod
    def parse(cls, url: str) -> Self:
        """Parse an address.

        Raises:
            ValueError: the address names no Sentinel or no service.
        """
        parts = urlsplit(url)
        user_info, at, hosts = parts.netloc.rpartition("@")
        service, _, database = parts.path.strip("/").partition("/")
        sentinels = tuple(_host_and_port(host) for host in hosts.split(",") if host)
        if not sentinels or not service:
            raise ValueError(
                "A Sentinel address has the form sentinel://HOST:PORT,HOST:PORT/SERVICE/DATABASE."
            )
        return cls(
            sentinels,
            service,
            int(database or 0),
            user_info + at,
            _credentials(parts),
            _sentinel_options(parts),
        )


class PrimaryPool(redis.sentinel.SentinelConnectionPool):
    """Connections to the primary. Closing them closes those to the Sentinels too, which redis-py leaves open."""

    def disconnect(self, inuse_connections: bool = True) -> None:
        """Close the connections: after a failover those that are idle, at the end all."""
        super().disconnect(inuse_connections)
        if inuse_connections:
            self.sentinel_manager.close()


class AsyncPrimaryPool(redis.asyncio.sentinel.SentinelConnectionPool):
    """The same for an asyncio client."""

    async def disconnect(self, inuse_connections: bool = True) -> None:
        """Close the connections: after a failover those that are idle, at the end all."""
        await super().disconnect(inuse_connections)
        if inuse_connections:
            await self.sentinel_manager.aclose()


class WaitingPrimaryPool(AsyncPrimaryPool, redis.asyncio.BlockingConnectionPool):
    """A pool whose users wait for a free connection when all are in use."""


def is_sentinel(url: str) -> bool:
    """Return True for the address of Sentinels."""
    return urlsplit(url).scheme == SCHEME


def connect_to_primary(url: str, options: dict[str, Any]) -> redis.Redis:
    """Make a blocking client with these options of a connection."""
    address = SentinelAddress.parse(url)
    make_sentinel: Any = redis.sentinel.Sentinel
    asked = make_sentinel(address.sentinels, sentinel_kwargs=_asking(address, Retry(NoBackoff(), 0)))
    client: redis.Redis = asked.master_for(
        address.service, connection_pool_class=PrimaryPool, **_of_server(address), **options
    )
    return client


def connect_to_primary_async(
    url: str, options: dict[str, Any], pool: type[AsyncPrimaryPool] = AsyncPrimaryPool
) -> redis.asyncio.Redis:
    """Make an asyncio client with these options of a connection and of the pool."""
    address = SentinelAddress.parse(url)
    make_sentinel: Any = redis.asyncio.sentinel.Sentinel
    asked = make_sentinel(address.sentinels, sentinel_kwargs=_asking(address, AsyncRetry(NoBackoff(), 0)))
    client: redis.asyncio.Redis = asked.master_for(
        address.service, connection_pool_class=pool, **_of_server(address), **options
    )
    return client


def _asking(address: SentinelAddress, retry: Retry | AsyncRetry) -> dict[str, Any]:
    return sentinel_options(address) | {"retry": retry}


def broker_of_primary(url: str) -> str:
    """Return the URLs by which kombu finds the primary, one for each Sentinel; the service is an option of its own."""
    address = SentinelAddress.parse(url)
    return ";".join(
        f"{SCHEME}://{address.user_info}{_bracketed(host)}:{port}/{address.database}"
        for host, port in address.sentinels
    )


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def sentinel_options(address: SentinelAddress) -> dict[str, Any]:
    """Return the options of a connection to a Sentinel."""
    return {
        "socket_timeout": _TIMEOUT_S,
        "socket_connect_timeout": _TIMEOUT_S,
        **address.sentinel_credentials,
    }


def _of_server(address: SentinelAddress) -> dict[str, Any]:
    return {"db": address.database, **address.credentials}


def _host_and_port(host: str) -> tuple[str, int]:
    parts = urlsplit(f"//{host}")
    if not parts.hostname:
        raise ValueError(f"A Sentinel has no host name in {host!r}.")
    return parts.hostname, parts.port or _PORT


def _credentials(parts: SplitResult) -> dict[str, str]:
    given = {"username": parts.username, "password": parts.password}
    return {name: unquote(value) for name, value in given.items() if value}


def _sentinel_options(parts: SplitResult) -> dict[str, str]:
    query = parse_qs(parts.query)
    names = {"sentinel_username": "username", "sentinel_password": "password"}
    return {name: query[given][0] for given, name in names.items() if given in query}
