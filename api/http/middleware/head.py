"""Middleware that answers HEAD as GET without the body; FastAPI declares only GET."""

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Head:
    """Serves HEAD by the routes of GET, and ends the work after the headers: an event stream would never end."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request.

        Raises:
            ClientDisconnect: the answer had a body, of which the client wants nothing.
        """
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_headers(message: Message) -> None:
            if message["type"] != "http.response.body":
                await send(message)
                return
            await send({"type": "http.response.body", "body": b""})
            if message.get("more_body"):
                raise ClientDisconnect

        as_get = {**scope, "method": "GET"}
        try:
            await self._app(as_get, receive, send_headers)
        finally:
            if "route" in as_get:
                scope["route"] = as_get["route"]
