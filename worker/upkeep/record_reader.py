"""Reads records from Redis in short steps, so that no step holds the server up: pages of keys, pages of large values."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

import redis

from worker.queue.kind_keys import BY_STATUS, QUEUES
from worker.queue.packed_history import PACKED
from worker.redis_server import keys as redis_keys
from worker.redis_server.clients import StoreClient
from worker.redis_server.projects import known_projects, scoped, unscoped
from worker.upkeep.records import (
    RECORD,
    HashRecord,
    ListRecord,
    Record,
    SortedSetRecord,
    StreamRecord,
    StringRecord,
)

PAGE = 100
"""The most elements that one command reads. Memory that was not used for long is slow: on a virtual machine a SCAN of 1,000
keys among three million took 113 ms the first time and less than 1 ms when it was repeated."""
_RECORDS = 10
"""The number of records that are requested at once, for the same reason."""
_SKIPPED = (
    redis_keys.WORKERS,
    redis_keys.LIGHT_WAKE_UPS,
    redis_keys.FITTING,
    redis_keys.LATER,
    redis_keys.FIRST_REPLIES,
    redis_keys.UPLOADS,
    redis_keys.UPLOAD_PARTS,
    redis_keys.UPKEEP_ROLES,
    redis_keys.RESTORE,
)
"""What these keys begin with belongs to running processes or unfinished uploads, or is rebuilt by the next claim, and is not part of a backup."""

T = TypeVar("T")


def pages(items: Iterable[T], size: int = _RECORDS) -> Iterator[list[T]]:
    """Yield the items in lists of at most `size`."""
    remaining = iter(items)
    while page := list(islice(remaining, size)):
        yield page


class RecordReader:
    """Reads over a client that decodes replies."""

    def __init__(self, client: redis.Redis) -> None:
        self._client: Any = client

    def key_pages(self) -> Iterator[list[str]]:
        """Yield the keys of all records in pages. Keys that exist all the while are among them, some of them twice."""
        cursor: int | None = None
        while cursor != 0:
            cursor, page = self._client.scan(cursor or 0, f"{redis_keys.PREFIX}*", PAGE)
            yield [key for key in page if not key.startswith(_SKIPPED)]

    def projects(self) -> list[str]:
        """Return every project, the default one first."""
        return StoreClient(self._client).run(known_projects())

    def jobs(self, job_ids: Iterable[str]) -> Iterator[tuple[HashRecord, str]]:
        """Yield the records of the jobs that exist, each with the id of the last event at the same moment."""
        for page in pages(job_ids, _RECORDS):
            pipe = self._client.pipeline()
            for job_id in page:
                pipe.hgetall(redis_keys.ITEM + job_id)
                pipe.xrevrange(redis_keys.EVENTS + job_id, count=1)
            replies = pipe.execute()
            for job_id, fields, last in zip(page, replies[::2], replies[1::2], strict=True):
                if fields:
                    record = HashRecord(key=redis_keys.ITEM + job_id, value=fields)
                    yield record, last[0][0] if last else "+"

    def fields(self, job_ids: Iterable[str], *names: str) -> Iterator[tuple[str, list[str | None]]]:
        """Yield each id with these fields of the job's record; None for what does not exist."""
        for page in pages(job_ids):
            pipe = self._client.pipeline(transaction=False)
            for job_id in page:
                pipe.hmget(redis_keys.ITEM + job_id, names)
            yield from zip(page, pipe.execute(), strict=True)

    def places(self, job_ids: Sequence[str]) -> Iterator[Record]:
        """Yield the places in the queues of the lanes, as parts of those keys."""
        for key in QUEUES.values():
            pipe = self._client.pipeline(transaction=False)
            for job_id in job_ids:
                pipe.zscore(key, job_id)
            scores = zip(job_ids, pipe.execute(), strict=True)
            if found := {job_id: score for job_id, score in scores if score is not None}:
                yield SortedSetRecord(key=key, value=found)

    def jobs_with_status(self, status: str) -> Iterator[str]:
        """Yield the ids of the jobs and imports that have a status all the while."""
        for key in BY_STATUS.values():
            for job_id, _ in self._client.zscan_iter(key + status, count=PAGE):
                yield job_id

    def members(self, key: str, of: Sequence[str], command: str = "SISMEMBER") -> set[str]:
        """Return those of the given strings that are members of a set; with `HEXISTS`, fields of a hash."""
        found: set[str] = set()
        for page in pages(of):
            pipe = self._client.pipeline(transaction=False)
            for member in page:
                pipe.execute_command(command, key, member)
            found.update(member for member, is_in in zip(page, pipe.execute(), strict=True) if is_in)
        return found

    def models(self, keys: Iterable[str]) -> Iterator[tuple[StringRecord, bool]]:
        """Yield the models with these keys that exist, and whether the deletion had begun at the same moment."""
        for page in pages(keys):
            pipe = self._client.pipeline()
            for key in page:
                project, own = unscoped(key)
                pipe.get(key)
                pipe.sismember(scoped(project, redis_keys.RETIRED_MODELS), own.removeprefix(redis_keys.MODEL))
            replies = pipe.execute()
            for key, manifest, is_retired in zip(page, replies[::2], replies[1::2], strict=True):
                if manifest:
                    yield StringRecord(key=key, value=manifest), bool(is_retired)

    def aliases(self, project: str, name: str) -> tuple[list[Record], int, list[str]]:
        """Return the aliases of a name with their history, their number of targets, and the keys of the targets found."""
        aliases_key, history_key, key = (
            scoped(project, prefix + name)
            for prefix in (redis_keys.ALIASES, redis_keys.ALIAS_HISTORY, redis_keys.VERSIONS)
        )
        pipe = self._client.pipeline()
        pipe.hgetall(aliases_key)
        pipe.lrange(history_key, 0, -1)
        aliases, history = pipe.execute()
        records: list[Record] = []
        if aliases:
            records.append(HashRecord(key=aliases_key, value=aliases))
        if history:
            records.append(ListRecord(key=history_key, type="list", value=history))
        versions = set(aliases.values())
        targets = [
            scoped(project, redis_keys.MODEL) + model_id
            for version in versions
            for model_id in self._client.zrangebyscore(key, version, version, start=0, num=1)
        ]
        return records, len(versions), targets

    def belongings(self, jobs: Mapping[str, str]) -> Iterator[Record]:
        """Read rows, best epochs, log and events of jobs; the events up to the id that `jobs` gives for each job.

        The rows come last: a history that is packed meanwhile is then complete, in its parts or among the rows.
        """
        pipe = self._client.pipeline(transaction=False)
        for job_id, last_id in jobs.items():
            pipe.xrange(redis_keys.EVENTS + job_id, "-", last_id, PAGE)
            pipe.lrange(redis_keys.LOGS + job_id, 0, PAGE - 1)
            pipe.hscan(redis_keys.BESTS + job_id, count=PAGE)
            pipe.hscan(redis_keys.ROWS + job_id, count=PAGE)
        replies = iter(pipe.execute())
        for job_id, last_id in jobs.items():
            entries, lines, (next_best, bests), (next_row, rows) = islice(replies, 4)
            if max(len(entries), len(lines)) == PAGE or next_best or next_row:
                found = self._large_belongings(job_id, last_id)
            else:
                found = [
                    StreamRecord(key=redis_keys.EVENTS + job_id, value=entries),
                    ListRecord(key=redis_keys.LOGS + job_id, type="list", value=lines),
                    HashRecord(key=redis_keys.BESTS + job_id, value=bests),
                    HashRecord(key=redis_keys.ROWS + job_id, value=rows),
                ]
            yield from (record for record in found if record.value)

    def _large_belongings(self, job_id: str, last_id: str) -> list[Record]:
        prefixes = (redis_keys.EVENTS, redis_keys.LOGS, redis_keys.BESTS, redis_keys.ROWS)
        found = [self.read(prefix + job_id, last_id) for prefix in prefixes]
        rows = redis_keys.ROWS + job_id
        if packed := self._client.hget(rows, PACKED):  # perhaps between two pages
            return [HashRecord(key=rows, value={PACKED: packed})]
        return list(filter(None, found))

    def read(self, key: str, last_id: str = "+") -> Record | None:
        """Read one key, large values in pages, a stream up to `last_id`; None when the key does not exist."""
        pipe = self._client.pipeline(transaction=False)
        pipe.type(key)
        pipe.pexpiretime(key)
        kind, expires_at = pipe.execute()
        value = self._value(key, kind, last_id)
        if not value:
            return None
        expires = {"expires_at_ms": expires_at} if expires_at > 0 else {}
        return RECORD.validate_python({"key": key, "type": kind, "value": value, **expires})

    def _value(self, key: str, kind: str, last_id: str) -> Any:
        client = self._client
        readers: dict[str, Callable[[], Any]] = {
            "string": lambda: client.get(key),
            "hash": lambda: dict(client.hscan_iter(key, count=PAGE)),
            "set": lambda: sorted(set(client.sscan_iter(key, count=PAGE))),
            "zset": lambda: dict(client.zscan_iter(key, count=PAGE)),
            "list": lambda: list(self._lines(key)),
            "stream": lambda: list(self._entries(key, last_id)),
            "none": lambda: None,
        }
        return readers[kind]()

    def _lines(self, key: str) -> Iterator[str]:
        start = 0
        while page := self._client.lrange(key, start, start + PAGE - 1):
            yield from page
            start += len(page)

    def _entries(self, key: str, last_id: str) -> Iterator[tuple[str, dict[str, str]]]:
        start = "-"
        while page := self._client.xrange(key, start, last_id, PAGE):
            yield from page
            start = f"({page[-1][0]}"

    def existing(self, keys: Sequence[str]) -> set[str]:
        """Return the keys that exist."""
        found: set[str] = set()
        for page in pages(keys):
            pipe = self._client.pipeline(transaction=False)
            for key in page:
                pipe.exists(key)
            found.update(key for key, exists in zip(page, pipe.execute(), strict=True) if exists)
        return found
