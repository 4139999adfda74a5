"""One HTTP connection, with limits on what a client may hold before its request has begun.

uvicorn has none: a client that sends the head of its request byte by byte, or nothing, keeps its connection for ever,
and a head may have any size. `limit_concurrency` would refuse requests on connections that are open already.
"""

import asyncio
from typing import TYPE_CHECKING, cast

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from api.errors import ApiError
from api.http.errors import ANSWERS, HeadTooLargeError, TooManyConnectionsError
from api.http.middleware.request_ids import RequestIds
from api.http.problem import REQUEST_ID, problem_response
from api.process.http_parser import HttpParser
from api.process.open_files import max_connections

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application

_TOO_LATE = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_MOST_SURPLUS = 16
"""Connections above the maximum that get an answer; more are closed at once."""


class Connection(HttpToolsProtocol):
    """Closes a connection whose request has no complete head in time, and refuses requests above the maximum."""

    HEAD_TIMEOUT_S = 10.0
    """From the first byte of a request to the end of its head; for the first request from when the client connected."""
    MOST_HEAD_BYTES = 32_768
    MOST_CONNECTIONS = 0
    """Of this process; 0: as many as it may open files for."""

    parser: HttpParser  # type: ignore[assignment]  # as far as uvicorn calls it
    _head_timer: asyncio.TimerHandle | None = None
    _is_in_head = False
    _head_bytes = 0
    _answered: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self.parser = HttpParser(self)
        surplus = len(self.connections) - (self.MOST_CONNECTIONS or max_connections())
        if surplus > _MOST_SURPLUS:
            transport.abort()
        elif surplus > 0:
            self._refuse_with(TooManyConnectionsError())
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer, and tell the request that is answered: uvicorn tells the newest of several in a row."""
        self._expect_nothing()
        super().connection_lost(exc)
        if self._answered is not None and not self._answered.response_complete:
            self._answered.disconnected = True
            self._answered.message_event.set()

    def data_received(self, data: bytes) -> None:
        """Parse what arrived; between two requests it begins the next one."""
        if self.cycle is None or self.cycle.response_complete:
            self._expect_head()
        super().data_received(data)
        self._head_bytes = self._head_bytes + len(data) if self._is_in_head else 0
        if self._head_bytes > self.MOST_HEAD_BYTES:
            self._close(_TOO_LARGE)

    def on_message_begin(self) -> None:
        """Note that a head begins."""
        self._is_in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Note that a head is complete."""
        if self.parser.is_offer:
            return
        self._is_in_head = False
        self._expect_nothing()
        if sum(len(name) + len(value) for name, value in self.headers) > self.MOST_HEAD_BYTES:
            self._refuse_with(HeadTooLargeError(self.MOST_HEAD_BYTES))
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Note that the request is complete."""
        if not self.parser.is_offer:
            super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: "ASGI3Application") -> None:
        self._answered = cycle
        super()._start_asgi_task(cycle, app)

    def _refuse_with(self, error: ApiError) -> None:
        """Answer the next request on this connection with an error, and close the connection."""

        async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
            await problem_response(error, ANSWERS[type(error)], scope[REQUEST_ID])(scope, receive, send)

        self.app = cast("ASGI3Application", RequestIds(refuse))

    def _expect_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self.HEAD_TIMEOUT_S, self._end_late_head)

    def _expect_nothing(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _end_late_head(self) -> None:
        self._close(_TOO_LATE if self._is_in_head else b"")

    def _close(self, answer: bytes) -> None:
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete:  # else it would be inside of another answer
            self.transport.write(answer)
        self.transport.close()
