"""The outermost middleware: gives each request an id and turns unhandled exceptions into problems."""

import logging
import re
import secrets

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.problem import REQUEST_ID, unexpected_problem

_ACCEPTED_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")

_log = logging.getLogger(__name__)


class RequestIds:
    """Adds the X-Request-ID and X-Content-Type-Options headers to every response; answers unhandled exceptions."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _id_of(scope)
        scope[REQUEST_ID] = request_id
        has_started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal has_started
            if message["type"] == "http.response.start":
                has_started = True
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-id", request_id.encode()),
                    (b"x-content-type-options", b"nosniff"),
                ]
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except ClientDisconnect:
            _log.debug("the client of request %s disconnected", request_id)
        except Exception:
            _log.exception("request %s failed", request_id)
            if has_started:
                raise
            await unexpected_problem(request_id)(scope, receive, send_with_headers)


def _id_of(scope: Scope) -> str:
    """Return the id that a proxy gave the request, or a new id."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _ACCEPTED_ID.fullmatch(value):
            return str(value, "ascii")
    return "req_" + secrets.token_hex(12)
