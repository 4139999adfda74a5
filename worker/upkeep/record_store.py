"""Reads all records from Redis, and writes them into an empty Redis: large data first, then all other records in one transaction."""

from collections.abc import Iterable, Iterator, Set
from typing import Any, cast

import redis

from worker.errors import BackupRestoredError, StoreOccupiedError
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

    def begin_restore(self, backup: str) -> None:
        """Note that this backup is restored from now on; the same restore may begin again until it is complete.

        Raises:
            StoreOccupiedError: this Redis has jobs, models or datasets that did not come with this backup.
            BackupRestoredError: this restore is complete.
        """
        with self.redis.pipeline() as pipe:
            pipe.watch(redis_keys.RESTORE, *_OCCUPIED_BY)  # type: ignore[no-untyped-call]
            if self._has_begun(backup):
                self.check_unoccupied(own_models=None)
                return
            self.check_unoccupied()
            pipe.multi()
            pipe.delete(redis_keys.RESTORE)
            pipe.hset(redis_keys.RESTORE, "backup", backup)
            _execute(pipe)

    def _has_begun(self, backup: str) -> bool:
        mark: Any = self.redis.hgetall(redis_keys.RESTORE)
        if mark.get("backup") != backup:
            return False
        if "is_complete" in mark:
            raise BackupRestoredError
        return True

    def check_unoccupied(self, own_models: Set[str] | None = frozenset()) -> None:
        """Raise StoreOccupiedError when this Redis has jobs, datasets, or models other than `own_models`; None: any.

        A worker that starts during a restore, or after one was cut short, registers the models in storage.
        """
        for key in (redis_keys.JOBS, redis_keys.DATASETS):
            if self.redis.exists(key):
                raise StoreOccupiedError(_OCCUPIED_BY[key])
        registered: Any = self.redis.zrange(redis_keys.MODELS, 0, -1)
        if own_models is not None and set(registered) - own_models:
            raise StoreOccupiedError(_OCCUPIED_BY[redis_keys.MODELS])

    def write_bulk(self, records: Iterable[Record]) -> None:
        """Write bulk records before the records that refer to them; writing them again is harmless."""
        with self.redis.pipeline(transaction=False) as pipe:
            for record in records:
                _write(pipe, record)
            pipe.execute()

    def write_rest(self, backup: str, records: Iterable[Record], models: Set[str]) -> None:
        """Write all other records in one transaction, which completes the restore of `backup`.

        Args:
            backup: the backup that was passed to `begin_restore`.
            records: its records that are not bulk.
            models: the ids of its models in storage, which a worker may have registered meanwhile.

        Raises:
            StoreOccupiedError: another client wrote other jobs, models or datasets meanwhile.
        """
        with self.redis.pipeline() as pipe:
            pipe.watch(*_OCCUPIED_BY)  # type: ignore[no-untyped-call]
            self.check_unoccupied(models)
            registered = self.take_snapshot().records
            pipe.multi()
            for record in registered:
                pipe.delete(record.key)
            for record in records:
                _write(pipe, record)
            pipe.hset(redis_keys.RESTORE, mapping={"backup": backup, "is_complete": "yes"})
            _execute(pipe)


def _execute(pipe: Any) -> None:
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
