"""Middleware for answers that precede the end of the request's body: the rest of the body is not taken in."""

import asyncio
import contextlib

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

DISCARD_TIMEOUT_S = 2.0
DISCARD_BYTES = 4 << 20
_SHORT_BYTES = 1 << 16
"""The server buffers this much of a body at any rate."""


class UnreadBodies:
    """Closes the connection after an early answer, but not before the client could read the answer.

    The kernel resets a socket that is closed with unread data, and the reset can overtake the answer: two in three of
    curl's endless uploads ended in "connection reset" instead of our 413. So at most `DISCARD_BYTES` of the rest are
    read and discarded; then nothing is read, and the connection closes `DISCARD_TIMEOUT_S` after the answer at the
    latest. A client that reads while it sends, such as curl, stops at the answer; one that does not, such as httpx,
    reads the answer when its sending fails.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and _has_long_body(Headers(scope=scope)):
            exchange = _Exchange(receive, send)
            receive, send = exchange.receive, exchange.send
        await self._app(scope, receive, send)


class _Exchange:
    """One request with a long body, and its answer."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._is_read = False
        self._is_early = False

    async def receive(self) -> Message:
        message = await self._receive()
        if not message.get("more_body"):  # the end of the body, or the client is gone
            self._is_read = True
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and not self._is_read:
            self._is_early = True
            message["headers"] = [*message["headers"], (b"connection", b"close")]
        if message["type"] == "http.response.body" and self._is_early and not message.get("more_body"):
            await self._send({**message, "more_body": True})
            await self._discard()
            message = {"type": "http.response.body", "body": b""}
        await self._send(message)

    async def _discard(self) -> None:
        discarded = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DISCARD_TIMEOUT_S):
                while not self._is_read:
                    if discarded >= DISCARD_BYTES:
                        await asyncio.sleep(DISCARD_TIMEOUT_S)
                    discarded += len((await self.receive()).get("body", b""))


def _has_long_body(headers: Headers) -> bool:
    return "transfer-encoding" in headers or int(headers.get("content-length", 0)) > _SHORT_BYTES
