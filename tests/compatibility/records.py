"""Copies all keys of Redis to JSON and back."""

import json
from pathlib import Path
from typing import Any

import redis

RECORDS = Path(__file__).parent / "records"

Dump = dict[str, dict[str, Any]]


def dump(client: redis.Redis) -> Dump:
    """Return type, value and remaining time of every key."""
    return {key: _dump_key(client, key) for key in sorted(map(str, client.scan_iter("*")))}


def _dump_key(client: Any, key: str) -> dict[str, Any]:
    kind = client.type(key)
    expires = {"expires_in_ms": client.pttl(key)} if client.pttl(key) > 0 else {}
    return {"type": kind, "value": _read_value(client, key, kind), **expires}


def _read_value(client: Any, key: str, kind: str) -> Any:
    match kind:
        case "string":
            return client.get(key)
        case "hash":
            return client.hgetall(key)
        case "list":
            return client.lrange(key, 0, -1)
        case "set":
            return sorted(client.smembers(key))
        case "zset":
            return client.zrange(key, 0, -1, withscores=True)
        case "stream":
            return client.xrange(key)
    raise AssertionError(f"{key} has the unknown type {kind}")


def load(client: redis.Redis, name: str) -> None:
    """Write the records of a release into an empty Redis."""
    entries: Dump = json.loads((RECORDS / name / "redis.json").read_text())
    for key, entry in entries.items():
        _load_key(client, key, entry["type"], entry["value"])
        if "expires_in_ms" in entry:
            client.pexpire(key, entry["expires_in_ms"])


def _load_key(client: Any, key: str, kind: str, value: Any) -> None:
    match kind:
        case "string":
            client.set(key, value)
        case "hash":
            client.hset(key, mapping=value)
        case "list":
            client.rpush(key, *value)
        case "set":
            client.sadd(key, *value)
        case "zset":
            client.zadd(key, dict(value))
        case "stream":
            for entry_id, fields in value:
                client.xadd(key, fields, entry_id)
