"""The history of an ended work item in one compressed text: events, metrics rows and log lines. Knows no Redis."""

import base64
import zlib
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache

from pydantic import BaseModel, ConfigDict

PACKED = "packed"
"""The field of the hash of metrics rows that holds the text. Readers of earlier releases ask for epochs alone."""
_LEVEL = 9
_KEPT_UNPACKED = 4
"""A client that replays a long history asks for many pages of it, one after the other."""


@dataclass(frozen=True)
class Event:
    """One event of a work item."""

    id: str
    """The id in the item's own stream."""
    event: str
    data: str
    """JSON."""


@dataclass(frozen=True)
class EventPage:
    """Events in order."""

    events: list[Event]
    is_reset: bool
    """True when some events after the requested one are no longer kept: the page then starts with the oldest event."""


class History(BaseModel):
    """What a work item leaves beside its record, each text as Redis held it."""

    model_config = ConfigDict(frozen=True)

    events: list[tuple[str, str, str]]
    """Ids, kinds and data, in order."""
    is_trimmed: bool
    """Whether older events were dropped."""
    rows: dict[str, str]
    """Metrics rows by epoch."""
    log_lines: list[str]

    def packed(self) -> str:
        """Return the history as the text that `unpack` reads."""
        return base64.b64encode(zlib.compress(self.model_dump_json().encode(), _LEVEL)).decode()

    def page(self, after: str, count: int) -> EventPage:
        """Return at most `count` events after the event `after`, by the same rules as the script `reads/events`."""
        ids = [_order(event[0]) for event in self.events]
        start = bisect_right(ids, _order(after)) if after else 0
        is_known = ids[start - 1] == _order(after) if start else bool(ids) and not self.is_trimmed
        is_reset = bool(after) and not is_known
        first = 0 if is_reset else start
        return EventPage([Event(*event) for event in self.events[first : first + count]], is_reset)


@lru_cache(_KEPT_UNPACKED)
def unpack(text: str) -> History:
    """Read a packed history."""
    return History.model_validate_json(zlib.decompress(base64.b64decode(text)))


def _order(stream_id: str) -> tuple[int, int]:
    milliseconds, _, number = stream_id.partition("-")
    return int(milliseconds), int(number or 0)
