"""What one finished job leaves in Redis: its bytes, and a way to write the same again under other ids, a million times."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import redis

from benchmarks.service.scale.server import MeasuredServer

_BATCH = 500
Command = tuple[str | float, ...]


@dataclass
class Footprint:
    """The keys of one job, and its entries in keys that all jobs share. Streams and strings of all jobs do not count."""

    own_keys: list[str] = field(default_factory=list)
    shared_bytes: float = 0.0
    commands: list[Command] = field(default_factory=list)
    """Commands that write all of it again."""


def footprint(client: redis.Redis, item_id: str) -> Footprint:
    """Find by its id what a finished job, or a model, has left; replies that are kept for a minute do not count."""
    found = Footprint()
    for key in client.scan_iter(count=10_000):
        if client.ttl(key) != -1:
            continue
        if item_id in key:
            found.own_keys.append(key)
            found.commands += _commands(client, key)
        elif client.type(key) in _MEMBERS:
            commands = [command for command in _commands(client, key) if _names(command, item_id)]
            found.commands += commands
            found.shared_bytes += len(commands) * _bytes(client, key) / _cardinality(client, key)
    return found


def own_bytes(client: redis.Redis, keys: list[str]) -> int:
    """Return the memory of these keys with their overhead."""
    return sum(_bytes(client, key) for key in keys)


def _bytes(client: redis.Redis, key: str) -> int:
    size: Any = client.memory_usage(key, samples=0)
    return int(size)


def _cardinality(client: redis.Redis, key: str) -> int:
    size: Any = client.execute_command(_MEMBERS[str(client.type(key))], key)  # type: ignore[no-untyped-call]
    return int(size)


_MEMBERS = {"zset": "ZCARD", "set": "SCARD", "hash": "HLEN"}


def _names(command: Command, item_id: str) -> bool:
    return any(item_id in str(word) for word in command[2:])


def _commands(client: Any, key: str) -> Iterator[Command]:
    """Yield the commands that write a key again; one command for each member of a set or a hash of all jobs."""
    match client.type(key):
        case "string":
            yield "SET", key, client.get(key)
        case "list":
            yield "RPUSH", key, *client.lrange(key, 0, -1)
        case "set":
            yield from (("SADD", key, member) for member in client.smembers(key))
        case "zset":
            members = client.zrange(key, 0, -1, withscores=True)
            yield from (("ZADD", key, score, member) for member, score in members)
        case "hash":
            yield from (("HSET", key, name, value) for name, value in client.hgetall(key).items())
        case "stream":
            for entry_id, fields in client.xrange(key):
                yield "XADD", key, entry_id, *(word for pair in fields.items() for word in pair)


class Copier:
    """Writes a footprint many times, each time under new ids of the same length."""

    def __init__(self, server: MeasuredServer, commands: list[Command]) -> None:
        self._server = server
        self._template = b"".join(map(_packed, _merged(commands)))

    def write(self, copies: int, new_ids: Callable[[], dict[str, str]]) -> None:
        """Write the copies; `new_ids` returns a new id for each id of the original."""
        connection: Any = self._server.redis.connection_pool.get_connection()
        connection.send_command("CLIENT", "REPLY", "OFF")
        for begin in range(0, copies, _BATCH):
            batch = [self._copy(new_ids()) for _ in range(min(_BATCH, copies - begin))]
            connection.send_packed_command([b"".join(batch)], check_health=False)
        connection.send_command("CLIENT", "REPLY", "ON", check_health=False)
        connection.read_response()
        self._server.redis.connection_pool.release(connection)

    def _copy(self, ids: dict[str, str]) -> bytes:
        # The lengths in the packed commands stay right, because an id and its replacement are equally long.
        copy = self._template
        for old, new in ids.items():
            copy = copy.replace(old.encode(), new.encode())
        return copy


def _merged(commands: list[Command]) -> Iterator[Command]:
    """Join the commands that set one field each of the same hash."""
    fields: dict[str | float, list[str | float]] = {}
    for name, key, *words in commands:
        if name == "HSET":
            fields.setdefault(key, []).extend(words)
        else:
            yield name, key, *words
    yield from (("HSET", key, *words) for key, words in fields.items())


def _packed(command: Command) -> bytes:
    words = [str(word).encode() for word in command]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)
