"""Middleware that tells of each request how it was answered and how long that took."""

import time
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

NO_ANSWER = 499
"""The status of a request whose client disconnected before it got an answer."""


class Answered:
    """Calls `note` with the scope, the status and the seconds of each HTTP request when its answer has ended."""

    def __init__(self, app: ASGIApp, note: Callable[[Scope, int, float], None]) -> None:
        self._app = app
        self._note = note

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_s, status = time.monotonic(), NO_ANSWER

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        finally:
            self._note(scope, status, time.monotonic() - began_s)
