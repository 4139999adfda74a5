"""Waits until the state of a work item changes (`?wait_s=`)."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from api.feed.hub import EventHub
from api.feed.watcher import WatchEnded, Watcher

T = TypeVar("T")


class ChangeWaiter:
    """Waits for changes, and answers before proxies give a silent connection up."""

    def __init__(self, hub: EventHub, max_wait_s: float) -> None:
        self._hub = hub
        self._max_wait_s = max_wait_s

    async def read_changed(
        self,
        item_id: str,
        read: Callable[[], Awaitable[T]],
        *,
        state_of: Callable[[T], object],
        is_final: Callable[[T], bool],
        wait_s: float,
    ) -> T:
        """Return what `read` returns once its state has changed, or after `wait_s` or the maximum; at once if it is final."""
        if not wait_s:
            return await read()
        deadline = time.monotonic() + min(wait_s, self._max_wait_s)
        with self._hub.watch(item_id) as watcher:
            now = first = await read()
            while state_of(now) == state_of(first) and not is_final(now):
                if not await _receives_state_event(watcher, deadline):
                    break
                now = await read()
        return now


async def _receives_state_event(watcher: Watcher, deadline: float) -> bool:
    try:
        async with asyncio.timeout(deadline - time.monotonic()):
            while True:
                batches = await watcher.take()
                if any(event.event == "state" for batch in batches for event in batch.events):
                    return True
    except (TimeoutError, WatchEnded):
        return False  # the answer is the last known state, and the client asks again
