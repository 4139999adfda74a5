"""The network between each process and Valkey: TCP proxies that can cut, delay or block traffic, or lose a reply.

Also a proxy between a client and the API.
"""

import asyncio
import threading
from asyncio import StreamReader, StreamWriter
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

_CHUNK = 1 << 16
_POLL_EVERY_S = 0.05

T = TypeVar("T")


class _Connection:
    """A client's connection to the proxy, and the proxy's own connection to Valkey."""

    def __init__(self, client: StreamWriter, server: StreamWriter) -> None:
        self.client = client
        self.server = server
        self.loses_reply = False

    def close(self) -> None:
        self.client.close()
        self.server.close()


class Link:
    """The link of one process to Valkey; its faults can be set at any time."""

    def __init__(self, network: "Network", target_port: int) -> None:
        self._network = network
        self._target_port = target_port
        self._connections: set[_Connection] = set()
        self._is_cut = False
        self.delay_s = 0.0
        """Delay of each direction."""
        self.is_black_hole = False
        """Blocks both directions; what is sent meanwhile arrives once the link is repaired, as with TCP."""
        self.replies_to_lose = 0
        """For this many of the next scripts the request passes and the connection breaks before the reply."""
        self.patience_s: float | None = None
        """A connection that is silent for this long towards the client is closed, as many proxies do; None: never."""
        self.acknowledgements_to_lose = 0
        """For this many of the next acknowledgements of wake-ups the connection breaks before the request."""
        self._server = network.run(self._open())

    @property
    def port(self) -> int:
        """The port to which the process connects."""
        return int(self._server.sockets[0].getsockname()[1])

    def cut(self) -> None:
        """Break every connection and refuse new ones."""
        self._is_cut = True
        self._network.run(self._close_all())

    def repair(self) -> None:
        """Remove all faults."""
        self._is_cut = self.is_black_hole = False
        self.delay_s = 0.0
        self.replies_to_lose = self.acknowledgements_to_lose = 0

    async def end(self) -> None:
        """Close the link for good."""
        self._server.close()
        await self._close_all()

    async def _open(self) -> asyncio.Server:
        return await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def _close_all(self) -> None:
        for connection in self._connections:
            connection.close()

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        if self._is_cut:
            writer.close()
            return
        try:
            from_server, to_server = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:
            writer.close()
            return
        connection = _Connection(writer, to_server)
        self._connections.add(connection)
        try:
            await asyncio.wait(
                (
                    asyncio.ensure_future(self._pass_requests(reader, connection)),
                    asyncio.ensure_future(self._pass_replies(from_server, connection)),
                ),
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            connection.close()
            self._connections.discard(connection)

    async def _pass_requests(self, source: StreamReader, connection: _Connection) -> None:
        with suppress(OSError):
            while chunk := await source.read(_CHUNK):
                await self._travel()
                if self.replies_to_lose and b"EVALSHA" in chunk:
                    self.replies_to_lose -= 1
                    connection.loses_reply = True
                if self.acknowledgements_to_lose and b"ZREM" in chunk and b"unacked_index" in chunk:
                    self.acknowledgements_to_lose -= 1
                    return
                connection.server.write(chunk)
                await connection.server.drain()

    async def _pass_replies(self, source: StreamReader, connection: _Connection) -> None:
        with suppress(OSError):  # a TimeoutError is one
            while chunk := await asyncio.wait_for(source.read(_CHUNK), self.patience_s):
                await self._travel()
                if connection.loses_reply:
                    return
                connection.client.write(chunk)
                await connection.client.drain()

    async def _travel(self) -> None:
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        while self.is_black_hole:  # noqa: ASYNC110  # set from another thread, for which no event is made
            await asyncio.sleep(_POLL_EVERY_S)


class Network:
    """The thread on which all links run."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="network", daemon=True)
        self._thread.start()
        self._links: list[Link] = []

    def open_link(self, target_port: int) -> Link:
        """Open a link to this port."""
        link = Link(self, target_port)
        self._links.append(link)
        return link

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the thread of the links and wait for its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def close(self) -> None:
        """Close all links and end their thread."""
        self.run(self._end_all())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end_all(self) -> None:
        for link in self._links:
            await link.end()
        ours = asyncio.current_task()
        tasks = [task for task in asyncio.all_tasks() if task is not ours]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
