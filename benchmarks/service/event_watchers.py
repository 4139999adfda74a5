"""Many clients of one job's event stream in one asyncio thread; HTTP and SSE are handled as bytes to keep them cheap."""

import asyncio
import random
import re
import sys
import threading
import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

_ID = re.compile(rb"^id: (\d+-\d+)$", re.MULTILINE)
_CONNECT_RETRY_S = 0.2
_RECONNECT_AFTER_S = 0.05


@dataclass
class Received:
    """What all watchers together received, and the delay of each event."""

    ids: dict[bytes, bytes] = field(default_factory=dict)
    """One shared bytes object per event id: a thousand watchers receive the same ids."""
    lags_ms: "array[float]" = field(default_factory=lambda: array("f"))
    connections: int = 0
    refused: int = 0
    resets: int = 0


class Watcher(asyncio.Protocol):
    """One client: connects, resumes after the last id that it received, and stops when the job ends."""

    def __init__(self, port: int, job_id: str, received: Received, *, stay_s: float = 0) -> None:
        self._port = port
        self._job_id = job_id
        self._received = received
        self._stay_s = stay_s
        self._incomplete = b""
        self._transport: asyncio.Transport | None = None
        self._is_disconnected = asyncio.Event()
        self._connected_ms = 0.0
        self.ids: list[bytes] = []
        self.has_ended = False

    async def run(self) -> None:
        """Watch until the job ends; with `stay_s`, disconnect and reconnect every `stay_s` seconds on average."""
        while not self.has_ended:
            try:
                await asyncio.get_running_loop().create_connection(lambda: self, "127.0.0.1", self._port)
            except OSError:
                await asyncio.sleep(_CONNECT_RETRY_S)
                continue
            await self._stay_connected()
            await asyncio.sleep(random.uniform(0, 2 * _RECONNECT_AFTER_S))  # noqa: S311  # no secret

    async def _stay_connected(self) -> None:
        # Without stay_s: longer than any test runs.
        stay_s = random.expovariate(1 / self._stay_s) if self._stay_s else 3600  # no secret
        try:
            async with asyncio.timeout(stay_s):
                await self._is_disconnected.wait()
        except TimeoutError:
            self.disconnect()
            await self._is_disconnected.wait()

    def disconnect(self) -> None:
        """Abort the connection."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Request the events after the last id received."""
        self._transport = transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass
        self._is_disconnected.clear()
        self._incomplete = b""
        self._connected_ms = time.time() * 1000
        self._received.connections += 1
        last_id = f"Last-Event-ID: {self.ids[-1].decode()}\r\n" if self.ids else ""
        path = f"/jobs/{self._job_id}/events"
        transport.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{last_id}\r\n".encode())

    def data_received(self, data: bytes) -> None:
        """Record the ids of all complete events; keep an incomplete event for the next call."""
        complete, end, rest = (self._incomplete + data).rpartition(b"\n\n")
        self._incomplete = rest
        if not end:
            if rest.startswith(b"HTTP/1.1 ") and not rest.startswith(b"HTTP/1.1 200") and b"\r\n\r\n" in rest:
                self._received.refused += 1
                self.disconnect()
            return
        self._record(complete)
        if b"event: end\n" in complete:
            self.has_ended = True
            self.disconnect()

    def _record(self, complete: bytes) -> None:
        self._received.resets += complete.count(b"event: reset\n")
        now_ms = time.time() * 1000
        for found in _ID.findall(complete):
            event_id = self._received.ids.setdefault(found, found)
            self.ids.append(event_id)
            appended_ms = int(event_id.partition(b"-")[0])
            # Events older than the connection are replayed: their age is not a delivery delay.
            if appended_ms > self._connected_ms:
                self._received.lags_ms.append(now_ms - appended_ms)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let `run` reconnect or return."""
        del exc
        self._transport = None
        self._is_disconnected.set()


async def watch_all(watchers: list[Watcher]) -> None:
    """Run the watchers until each has received the job's `end` event."""
    await asyncio.gather(*(watcher.run() for watcher in watchers))


def watch_during(activity: Callable[[], None], watchers: list[Watcher]) -> None:
    """Run `activity` in a thread of its own while the watchers run; return when both are done."""
    thread = threading.Thread(target=activity)
    thread.start()
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(watch_all(watchers))
    thread.join()


def loop_factory() -> asyncio.AbstractEventLoop:
    """Return a uvloop event loop, or asyncio's own on Windows."""
    if sys.platform == "win32":
        return asyncio.new_event_loop()
    import uvloop  # noqa: PLC0415  # not on every system

    return uvloop.new_event_loop()
