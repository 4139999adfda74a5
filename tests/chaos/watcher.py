"""Hears a job's events to its end, through every death of an API, and writes down each that it hears."""

import threading
from collections.abc import Sequence
from contextlib import suppress

import httpx

from ninefold.client.events import read_events
from tests.chaos.history import History

SILENCE_S = 20.0
"""Heartbeats come every 12 s."""
COME_BACK_AFTER_S = 0.1


class Watcher:
    """One client with one stream at a time; comes back with the last id that it saw."""

    def __init__(self, number: int, urls: Sequence[str], job_id: str, history: History) -> None:
        self._name = f"watcher-{number}"
        self._turn = number
        self._urls = urls
        self._job_id = job_id
        self._history = history
        self._last_id = ""
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name=self._name, daemon=True)
        self._thread.start()

    def wait(self, within_s: float) -> bool:
        """Whether it heard the end in time; after that it comes back no more."""
        self._thread.join(within_s)
        has_ended = self._is_over.is_set()
        self._is_over.set()
        return has_ended

    def _watch(self) -> None:
        while not self._is_over.is_set():
            with suppress(httpx.TransportError, httpx.HTTPStatusError):
                self._hear(self._urls[self._turn % len(self._urls)])
            self._turn += 1
            self._is_over.wait(COME_BACK_AFTER_S)

    def _hear(self, url: str) -> None:
        headers = {"Last-Event-ID": self._last_id} if self._last_id else {}
        target = f"{url}/jobs/{self._job_id}/events"
        with httpx.stream("GET", target, headers=headers, timeout=SILENCE_S) as answer:
            answer.raise_for_status()
            for event in read_events(answer):
                if event.kind == "snapshot":
                    continue
                if event.kind != "end" or event.id:
                    self._history.note(
                        "heard", watcher=self._name, job_id=self._job_id, id=event.id, event=event.kind
                    )
                self._last_id = event.id or self._last_id
                if event.kind == "end":
                    self._is_over.set()
                    return
