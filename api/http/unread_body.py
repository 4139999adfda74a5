"""A response that reads and discards the rest of the request's body, so that the client receives the response."""

import asyncio
import contextlib

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

DISCARD_TIMEOUT_S = 2.0


class UnreadBodyResponse(Response):
    """Sends the response, then reads and discards the request's body for at most `DISCARD_TIMEOUT_S`.

    The kernel resets a socket that is closed with unread data, and the reset can overtake the response: two in three
    of curl's endless uploads ended in "connection reset" instead of our 413.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # ASGI's own signature
        """Send the response."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DISCARD_TIMEOUT_S):
                while (await receive())["type"] != "http.disconnect":
                    pass
        await send({"type": "http.response.body", "body": b""})
