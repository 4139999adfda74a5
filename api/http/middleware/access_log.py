"""Middleware that logs one JSON line for each request: who asked for which route, and how it was answered."""

import json
import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.callers import CALLER
from api.http.problem import REQUEST_ID
from worker.redis_server.timestamps import now

_NO_ANSWER = 499
"""The client disconnected before it got an answer."""

_log = logging.getLogger(__name__)


class AccessLog:
    """Logs request id, method, route, status, duration and key id: no address, query, header or body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; the line is written when its answer has ended."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.monotonic(), _NO_ANSWER

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        finally:
            _log.info("%s", _line(scope, status, time.monotonic() - began))


def _line(scope: Scope, status: int, duration_s: float) -> str:
    caller = scope.get(CALLER)
    return json.dumps(
        {
            "at": now(),
            "request_id": scope.get(REQUEST_ID),
            "method": scope["method"],
            "route": getattr(scope.get("route"), "path", None),
            "status": status,
            "duration_ms": round(1000 * duration_s, 1),
            "key_id": caller.key_id if caller else None,
        }
    )


def write_to_stderr() -> None:
    """Write the lines to stderr as they are, without the prefix of other log lines."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    _log.addHandler(handler)
    _log.setLevel(logging.INFO)
    _log.propagate = False
