"""Compresses the histories of ended work items, to free Redis's memory. Several packers may run."""

import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import islice

import redis

from worker.queue.states import TERMINAL
from worker.queue.store import JobStore
from worker.redis_server import keys as redis_keys
from worker.redis_server.timestamps import format_time, utc_now
from worker.upkeep.record_reader import PAGE, RecordReader

PACK_EVERY_S = 600.0
"""Each time reads the names of all keys: two seconds of Redis's time for three million, in steps of a millisecond."""
_MOST_AT_ONCE = 5_000
"""After an upgrade a million jobs may wait: they are packed within some days, and Redis and this process stay idle enough."""

_ENDED_FOR = timedelta(hours=1)
"""A backup that has read a job as running must find the parts of its history for as long as the backup lasts after that."""

_log = logging.getLogger(__name__)


class HistoryPacker:
    """Packs the history of every item that ended an hour ago, once no process of an earlier release may be left."""

    def __init__(self, store: JobStore, after_days: float, clock: Callable[[], datetime] = utc_now) -> None:
        """`after_days`: how long after the first start of this release a process of an earlier release may still run."""
        self._store = store
        self._after_days = after_days
        self._clock = clock

    def pack_all(self) -> list[str]:
        """Pack the histories of items that ended an hour ago; returns the ids of those that were packed."""
        packed = list(islice(filter(self._pack, self._ended()), _MOST_AT_ONCE)) if self._is_time() else []
        if packed:
            _log.info("packed the histories of %s work items", len(packed))
        return packed

    def _is_time(self) -> bool:
        now = self._clock()
        since = self._store.note_packing_release(format_time(now))
        return since <= format_time(now - timedelta(days=self._after_days))

    def _ended(self) -> Iterator[str]:
        """Yield the ids of the items that ended an hour ago and have a stream of events: a packed item has none."""
        before = format_time(self._clock() - _ENDED_FOR)
        streams = self._store.redis.scan_iter(redis_keys.EVENTS + "*", count=PAGE)
        ids = (key.removeprefix(redis_keys.EVENTS) for key in streams)
        found = RecordReader(self._store.redis).fields(ids, "status", "finished_at")
        return (
            item_id
            for item_id, (status, finished_at) in found
            if status in TERMINAL and (finished_at or "") < before
        )

    def _pack(self, item_id: str) -> bool:
        try:
            history = self._store.read_history(item_id)
        except redis.ResponseError as error:  # an entry that is no event
            _log.warning("the history of %s cannot be read, and is not packed: %s", item_id, error)
            return False
        if history is None:
            return False
        self._store.pack_history(item_id, history)
        return True
