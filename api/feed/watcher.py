"""One client's bounded queue of events. A slow client loses its own queue and harms no other client."""

import asyncio
from dataclasses import dataclass

from worker.queue.feed import FeedEvent

_MAX_QUEUED_EVENTS = 1_000


class WatchEnded(Exception):  # noqa: N818  # an end, not a failure
    """Raised when a watcher was too slow or the service stops; the client reconnects with its last event id."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Events that the hub read together. All watchers share the batch, so that each format is written once."""

    events: tuple[FeedEvent, ...]
    """At least one event, in order."""


class Watcher:
    """A queue that the hub fills and one event stream empties."""

    def __init__(self) -> None:
        self._batches: list[Batch] = []
        self._queued_events = 0
        self._may_take = asyncio.Event()
        self._has_ended = False

    def put(self, batch: Batch) -> None:
        """Add a batch; more than `_MAX_QUEUED_EVENTS` events end the watch and free the queue."""
        self._queued_events += len(batch.events)
        if self._queued_events > _MAX_QUEUED_EVENTS:
            self.end()
        if not self._has_ended:
            self._batches.append(batch)
            self._may_take.set()

    def end(self) -> None:
        """End the watch."""
        self._has_ended = True
        self._batches.clear()
        self._may_take.set()

    def wake(self) -> None:
        """Let a waiting `take` return although no event has come."""
        self._may_take.set()

    async def take(self) -> list[Batch]:
        """Wait for events and remove all of them from the queue. An empty list means: send a heartbeat.

        Raises:
            WatchEnded: no more events will come.
        """
        await self._may_take.wait()
        if self._has_ended:
            raise WatchEnded
        self._may_take.clear()
        taken, self._batches, self._queued_events = self._batches, [], 0
        return taken
