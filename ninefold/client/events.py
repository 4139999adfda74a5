"""Server-sent events: lines of a stream into events."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Event:
    """One thing that happened to a job."""

    kind: str
    """`snapshot, state, progress, epoch, log, checkpoint, rewind, model, reset` or `end`."""
    data: dict[str, Any]
    id: str | None = None
    """Where to resume; a snapshot has none."""


def read_events(lines: Iterable[str]) -> Iterator[Event]:
    """Yield the events of a stream; heartbeats are comments and yield nothing."""
    fields: dict[str, list[str]] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(":")
            fields.setdefault(name, []).append(value.removeprefix(" "))
            continue
        if data := fields.get("data"):
            yield Event(
                kind=fields.get("event", ["message"])[-1],
                data=json.loads("\n".join(data)),
                id=fields.get("id", [None])[-1],
            )
        fields = {}
