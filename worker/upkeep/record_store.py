"""Reads all records from Redis, and writes them into an empty Redis: large data first, then all other records in one transaction."""

from collections.abc import Iterable, Iterator
from typing import Any, cast

import redis

from worker.errors import StoreOccupiedError
from worker.redis_server import keys as redis_keys
from worker.redis_server.clients import StoreClient, blocking_method
from worker.upkeep.records import (
    BulkKey,
    HashRecord,
    ListRecord,
    Record,
    StreamRecord,
    StringRecord,
    take_snapshot,
)

REPLY_TIMEOUT_S = 120.0
"""Timeout of one Redis command here: all records are read, or written, in one command."""
_PAGE = 1000
_OCCUPIED_BY = {redis_keys.JOBS: "jobs", redis_keys.MODELS: "models", redis_keys.DATASETS: "datasets"}


class RecordStore(StoreClient):
    """All records, over a client whose timeout is REPLY_TIMEOUT_S."""

    take_snapshot = blocking_method(take_snapshot)

    def read_bulk(self, bulk: BulkKey) -> Record | None:
        """Read the content of a bulk key, a stream up to its end in the snapshot; None when the key was deleted."""
        match bulk.type:
            case "hash":
                fields: Any = self.redis.hgetall(bulk.key)
                return HashRecord(key=bulk.key, value=fields) if fields else None
            case "list":
                lines: Any = self.redis.lrange(bulk.key, 0, -1)
                return ListRecord(key=bulk.key, type="list", value=lines) if lines else None
            case "stream":
                entries = list(self._entries(bulk))
                return StreamRecord(key=bulk.key, value=entries) if entries else None

    def _entries(self, bulk: BulkKey) -> Iterator[tuple[str, dict[str, str]]]:
        start, client = "-", cast("Any", self.redis)
        while page := client.xrange(bulk.key, start, bulk.last_id, _PAGE):
            yield from page
            start = f"({page[-1][0]}"

    def check_empty(self) -> None:
        """Raise StoreOccupiedError when this Redis has jobs, models or datasets."""
        for key, what in _OCCUPIED_BY.items():
            if self.redis.exists(key):
                raise StoreOccupiedError(what)

    def write_bulk(self, records: Iterable[Record]) -> None:
        """Write bulk records before the records that refer to them; writing them again is harmless."""
        with self.redis.pipeline(transaction=False) as pipe:
            for record in records:
                _write(pipe, record)
            pipe.execute()

    def write_rest(self, records: Iterable[Record]) -> None:
        """Write all other records in one transaction, which completes the restore.

        Raises:
            StoreOccupiedError: another client wrote jobs, models or datasets meanwhile.
        """
        with self.redis.pipeline() as pipe:
            pipe.watch(*_OCCUPIED_BY)  # type: ignore[no-untyped-call]
            self.check_empty()
            pipe.multi()
            for record in records:
                _write(pipe, record)
            try:
                pipe.execute()
            except redis.WatchError as error:
                raise StoreOccupiedError("jobs, models or datasets") from error


def _write(pipe: Any, record: Record) -> None:
    pipe.delete(record.key)
    match record:
        case StringRecord():
            pipe.set(record.key, record.value)
        case HashRecord():
            pipe.hset(record.key, mapping=record.value)
        case StreamRecord():
            for entry_id, fields in record.value:
                pipe.xadd(record.key, fields, entry_id)
        case ListRecord(type="list"):
            pipe.rpush(record.key, *record.value)
        case ListRecord():
            pipe.sadd(record.key, *record.value)
        case _:
            pipe.zadd(record.key, record.value)
    if record.expires_at_ms:
        pipe.pexpireat(record.key, record.expires_at_ms)
