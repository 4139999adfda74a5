"""Follows the events of one work item to their end, reconnecting after each failure of an API, and records every event."""

import threading
from collections.abc import Sequence
from contextlib import suppress

import httpx

from ninefold.client.events import read_events
from tests.chaos.history.history import History

READ_TIMEOUT_S = 20.0
"""Longer than the 4 s between two heartbeats of the stream."""
RECONNECT_AFTER_S = 0.1
NOT_STORED = frozenset({"snapshot", "progress", "end"})
"""These events may have no id: they are not among the stored events of the item."""


class Watcher:
    """A client with one stream at a time; it reconnects with the id of the last event that it received."""

    def __init__(self, number: int, urls: Sequence[str], item_id: str, path: str, history: History) -> None:
        """`path` is where the API shows the item."""
        self._name = f"watcher-{number}"
        self._url_index = number
        self._urls = urls
        self._item_id = item_id
        self._path = path
        self._history = history
        self._last_id = ""
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name=self._name, daemon=True)
        self._thread.start()

    def wait(self, within_s: float) -> bool:
        """Wait for the end of the events; returns whether it came in time. The watcher then stops reconnecting."""
        self._thread.join(within_s)
        has_ended = self._is_over.is_set()
        self._is_over.set()
        return has_ended

    def _watch(self) -> None:
        while not self._is_over.is_set():
            with suppress(httpx.TransportError, httpx.HTTPStatusError):
                self._receive(self._urls[self._url_index % len(self._urls)])
            self._url_index += 1
            self._is_over.wait(RECONNECT_AFTER_S)

    def _receive(self, url: str) -> None:
        headers = {"Last-Event-ID": self._last_id} if self._last_id else {}
        target = f"{url}{self._path}/events"
        with httpx.stream("GET", target, headers=headers, timeout=READ_TIMEOUT_S) as response:
            response.raise_for_status()
            for event in read_events(response):
                if event.id or event.kind not in NOT_STORED:
                    self._history.add(
                        "received", watcher=self._name, item_id=self._item_id, id=event.id, event=event.kind
                    )
                self._last_id = event.id or self._last_id
                if event.kind == "end":
                    self._is_over.set()
                    return
