"""Middleware that counts requests by route and status."""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.metrics.metrics import Request, ServiceMetrics

_NO_ANSWER = 499
"""The client disconnected before it got an answer."""


class Counting:
    """Counts each request when its answer has ended."""

    def __init__(self, app: ASGIApp, metrics: ServiceMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_s, status = time.monotonic(), _NO_ANSWER

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        finally:
            route = getattr(scope.get("route"), "path", "")
            method = (
                scope["method"] if route else ""
            )  # a client may invent methods, and each would be a series
            self._metrics.add_request(Request(method, route, status, time.monotonic() - began_s))
