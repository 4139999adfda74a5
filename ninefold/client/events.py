"""The events of a job or a dataset, read from a stream of server-sent events that is reopened after a lost connection."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
from httpx_sse import EventSource

from ninefold.client.transport import Transport
from ninefold.errors import NinefoldError

CONNECT_TIMEOUT_S = 10.0
SILENCE_S = 60.0
"""The stream is reopened after this long without an event or a heartbeat."""
REOPEN_EVERY_S = 0.5
SERVICE_UNAVAILABLE = 503


@dataclass(frozen=True)
class Event:
    """One event of a job or of the import of a dataset."""

    kind: str
    """`snapshot, state, progress, epoch, log, checkpoint, rewind, model, dataset, reset` or `end`."""
    data: dict[str, Any]
    id: str | None = None
    """The position to resume the stream after; `None` for events that are not stored: a snapshot, progress."""


def follow_events(transport: Transport, path: str, last_event_id: str | None = None) -> Iterator[Event]:
    """Yield the stored events after `last_event_id`, then new events as they happen, until the job or import ends.

    A lost connection is reopened after the last event received. Raises UnreachableError when the service stays away.
    """
    headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last_event_id} if last_event_id else {})
    timeout = httpx.Timeout(CONNECT_TIMEOUT_S, read=SILENCE_S)
    failing_since: float | None = None
    while True:
        try:
            with transport.stream(path, headers, timeout) as response:
                failing_since = None  # a stream that was open did not fail, however long it told nothing
                for event in read_events(response):
                    if event.id:
                        headers["Last-Event-ID"] = event.id
                    yield event
                    if event.kind == "end":
                        return
        except httpx.TransportError as error:
            failing_since = failing_since or time.monotonic()
            if not transport.may_retry(failing_since):
                raise transport.unreachable(error) from error
        except NinefoldError as error:
            failing_since = failing_since or time.monotonic()
            if error.status != SERVICE_UNAVAILABLE or not transport.may_retry(failing_since):
                raise
        time.sleep(REOPEN_EVERY_S)


def read_events(response: httpx.Response) -> Iterator[Event]:
    """Yield the events in a response's body. An event that a lost connection cut off is dropped."""
    last_id = ""
    for sse in EventSource(response).iter_sse():
        if (
            sse.data
        ):  # a heartbeat has none: httpx-sse makes an empty event of its blank line once an id is known
            # httpx-sse repeats the last id on events that have no id of their own, as browsers do.
            yield Event(sse.event, _parse(sse.data), id=sse.id if sse.id != last_id else None)
        last_id = sse.id


def _parse(data: str) -> dict[str, Any]:
    try:
        fields = json.loads(data)
    except json.JSONDecodeError:
        fields = None
    if not isinstance(fields, dict):
        raise NinefoldError(
            f"The service sent an event that is not a JSON object: {data[:80]!r}", code="unexpected_answer"
        )
    return fields
