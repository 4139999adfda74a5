"""Writes events in the server-sent events format."""

from collections.abc import Iterable
from dataclasses import dataclass

from worker.queue.feed import FeedEvent
from worker.queue.packed_history import Event

PROGRESS = "progress"
"""Progress is sent but not stored: the snapshot has the latest."""


def encode(kind: str, data: str, event_id: str = "") -> bytes:
    """Write one event; `data` is JSON on one line."""
    return f"event: {kind}\n{f'id: {event_id}' if event_id else ':'}\ndata: {data}\n\n".encode()


@dataclass(frozen=True)
class EncodedEvents:
    """Consecutive events, ready to be sent."""

    chunk: bytes
    last_id: str
    has_end: bool
    """The item's `end` event is among the events."""
    is_reset: bool = False
    """Events before these are no longer kept."""
    is_full: bool = False
    """The page has the maximum number of events, so more may be stored already."""


def encode_item_events(
    events: Iterable[Event | FeedEvent], *, is_reset: bool = False, is_full: bool = False
) -> EncodedEvents:
    """Write events of one work item, with their ids in the item's own stream; progress has none."""
    chunks, last_id, has_end = [], "", False
    for event in events:
        chunks.append(encode(event.event, event.data, "" if event.event == PROGRESS else event.id))
        last_id = event.id
        has_end = has_end or event.event == "end"
    return EncodedEvents(b"".join(chunks), last_id, has_end, is_reset, is_full)
