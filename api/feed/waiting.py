"""Waits until the state of a work item changes (`?wait_s=`)."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from api.feed.hub import EventHub
from api.feed.watcher import WatchEnded, Watcher

T = TypeVar("T")


async def read_changed(
    hub: EventHub,
    item_id: str,
    read: Callable[[], Awaitable[T]],
    *,
    state_of: Callable[[T], object],
    is_final: Callable[[T], bool],
    wait_s: float,
) -> T:
    """Return what `read` returns once its state has changed, or after `wait_s`; at once if the state is final."""
    if not wait_s:
        return await read()
    deadline = time.monotonic() + wait_s
    with hub.watch(item_id) as watcher:
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
