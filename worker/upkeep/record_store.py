"""Writes the records of a backup into an empty Redis: jobs first, then in one transaction all that leads to them."""

from collections.abc import Iterable, Iterator, Set
from typing import Any

import redis

from worker.redis_server import keys as redis_keys
from worker.upkeep.errors import BackupRestoredError, StoreOccupiedError
from worker.upkeep.record_reader import RecordReader
from worker.upkeep.records import HashRecord, ListRecord, Record, StreamRecord, StringRecord

REPLY_TIMEOUT_S = 120.0
"""Timeout of one Redis command here: all indexes are written in one transaction."""
_JOINED = 1000
"""Elements of one key that one command writes."""
_OCCUPIED_BY = {
    redis_keys.JOBS: "jobs",
    redis_keys.IMPORTS: "imports",
    redis_keys.MODELS: "models",
    redis_keys.DATASETS: "datasets",
    redis_keys.PROJECTS: "other projects",
}


class RecordStore:
    """The records of a Redis that a backup is restored into, over a client whose timeout is REPLY_TIMEOUT_S."""

    def __init__(self, client: redis.Redis) -> None:
        self.redis = client

    def begin_restore(self, backup: str) -> None:
        """Note that this backup is restored from now on; the same restore may begin again until it is complete.

        Raises:
            StoreOccupiedError: this Redis has jobs, imports, models or datasets that did not come with this backup.
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
        """Raise StoreOccupiedError when this Redis has jobs, imports, datasets, or models other than `own_models`; None: any.

        A worker that starts during a restore, or after one was cut short, registers the models in storage.
        """
        for key in (redis_keys.JOBS, redis_keys.IMPORTS, redis_keys.DATASETS, redis_keys.PROJECTS):
            if self.redis.exists(key):
                raise StoreOccupiedError(_OCCUPIED_BY[key])
        registered: Any = self.redis.zrange(redis_keys.MODELS, 0, -1)
        if own_models is not None and set(registered) - own_models:
            raise StoreOccupiedError(_OCCUPIED_BY[redis_keys.MODELS])

    def write_bulk(self, records: Iterable[Record]) -> None:
        """Write bulk records before the indexes that lead to them; writing them again is harmless."""
        with self.redis.pipeline(transaction=False) as pipe:
            for record in records:
                pipe.delete(record.key)
                _write(pipe, record)
            pipe.execute()

    def write_rest(self, backup: str, records: Iterable[Record], models: Set[str]) -> None:
        """Write all other records in one transaction, which completes the restore of `backup`.

        Args:
            backup: the backup that was passed to `begin_restore`.
            records: its records that are not bulk; several may be parts of one key.
            models: the ids of its models in storage, which a worker may have registered meanwhile.

        Raises:
            StoreOccupiedError: another client wrote other jobs, imports, models or datasets meanwhile.
        """
        with self.redis.pipeline() as pipe:
            pipe.watch(*_OCCUPIED_BY)  # type: ignore[no-untyped-call]
            self.check_unoccupied(models)
            registered = self._keys_that_are_not_bulk()
            pipe.multi()
            for key in registered:
                pipe.delete(key)
            for record in _merged(records):
                _write(pipe, record)
            pipe.hset(redis_keys.RESTORE, mapping={"backup": backup, "is_complete": "yes"})
            _execute(pipe)

    def _keys_that_are_not_bulk(self) -> set[str]:
        found = (key for page in RecordReader(self.redis).key_pages() for key in page)
        return {key for key in found if not StringRecord(key=key, value="").is_bulk}


def _merged(records: Iterable[Record]) -> Iterator[Record]:
    """Join parts of one key, so that a key takes few commands."""
    parts: dict[str, Any] = {}
    for record in records:
        value: Any = record.value
        known = parts.get(record.key)
        if known is None:
            known = parts[record.key] = record.model_copy(deep=True)
        elif isinstance(known.value, dict):
            known.value.update(value)
        else:
            known.value.extend(value)
        if isinstance(record, StringRecord) or len(known.value) >= _JOINED:
            yield parts.pop(record.key)
    yield from parts.values()


def _execute(pipe: Any) -> None:
    try:
        pipe.execute()
    except redis.WatchError as error:
        raise StoreOccupiedError("jobs, imports, models or datasets") from error


def _write(pipe: Any, record: Record) -> None:
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
