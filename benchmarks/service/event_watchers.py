"""Many watchers of one job in one asyncio thread, as cheap as can be; knows HTTP and SSE only as bytes."""

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
_AFTER_INTERRUPTION_S = 0.05


@dataclass
class Heard:
    """What all watchers heard, and how late."""

    ids: dict[bytes, bytes] = field(default_factory=dict)
    """One object for each id: a thousand watchers hear the same ones."""
    lags_ms: "array[float]" = field(default_factory=lambda: array("f"))
    connections: int = 0
    refused: int = 0
    resets: int = 0


class Watcher(asyncio.Protocol):
    """One client: connects, resumes with the last id it heard, and is done at the job's end."""

    def __init__(self, port: int, job_id: str, heard: Heard, *, stay_s: float = 0) -> None:
        self._port = port
        self._job_id = job_id
        self._heard = heard
        self._stay_s = stay_s
        self._rest = b""
        self._transport: asyncio.Transport | None = None
        self._is_gone = asyncio.Event()
        self._connected_ms = 0.0
        self.ids: list[bytes] = []
        self.has_ended = False

    async def run(self) -> None:
        """Watch until the end; with `stay_s`, go away and come back about so often."""
        while not self.has_ended:
            try:
                await asyncio.get_running_loop().create_connection(lambda: self, "127.0.0.1", self._port)
            except OSError:
                await asyncio.sleep(_CONNECT_RETRY_S)
                continue
            await self._stay()
            await asyncio.sleep(random.uniform(0, 2 * _AFTER_INTERRUPTION_S))  # noqa: S311  # no secret

    async def _stay(self) -> None:
        # Longer than any test where the watcher stays for good.
        stay_s = random.expovariate(1 / self._stay_s) if self._stay_s else 3600  # no secret
        try:
            async with asyncio.timeout(stay_s):
                await self._is_gone.wait()
        except TimeoutError:
            self.leave()
            await self._is_gone.wait()

    def leave(self) -> None:
        """Hang up without a word."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the events that follow the last one heard."""
        self._transport = transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass
        self._is_gone.clear()
        self._rest = b""
        self._connected_ms = time.time() * 1000
        self._heard.connections += 1
        last_id = f"Last-Event-ID: {self.ids[-1].decode()}\r\n" if self.ids else ""
        path = f"/jobs/{self._job_id}/events"
        transport.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{last_id}\r\n".encode())

    def data_received(self, data: bytes) -> None:
        """Note every id of the whole events that came."""
        whole, end, rest = (self._rest + data).rpartition(b"\n\n")
        self._rest = rest
        if not end:
            if rest.startswith(b"HTTP/1.1 ") and not rest.startswith(b"HTTP/1.1 200") and b"\r\n\r\n" in rest:
                self._heard.refused += 1
                self.leave()
            return
        self._note(whole)
        if b"event: end\n" in whole:
            self.has_ended = True
            self.leave()

    def _note(self, whole: bytes) -> None:
        self._heard.resets += whole.count(b"event: reset\n")
        now_ms = time.time() * 1000
        for found in _ID.findall(whole):
            event_id = self._heard.ids.setdefault(found, found)
            self.ids.append(event_id)
            happened_ms = int(event_id.partition(b"-")[0])
            # What is older than the connection is a replay: its age says nothing of the way here.
            if happened_ms > self._connected_ms:
                self._heard.lags_ms.append(now_ms - happened_ms)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let `run` go on."""
        del exc
        self._transport = None
        self._is_gone.set()


async def watch_all(watchers: list[Watcher]) -> None:
    """Run them until all have heard the end."""
    await asyncio.gather(*(watcher.run() for watcher in watchers))


def watch_while(happen: Callable[[], None], watchers: list[Watcher]) -> None:
    """Watch until all have heard the end, while something happens in a thread of its own."""
    thread = threading.Thread(target=happen)
    thread.start()
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(watch_all(watchers))
    thread.join()


def loop_factory() -> asyncio.AbstractEventLoop:
    """The quickest event loop that there is."""
    if sys.platform == "win32":
        return asyncio.new_event_loop()
    import uvloop  # noqa: PLC0415  # not on every system

    return uvloop.new_event_loop()
