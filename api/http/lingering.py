"""An answer to a request whose body was not read to its end, which the client nevertheless gets to see."""

import asyncio
import contextlib

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

LINGER_S = 2.0


class LingeringResponse(Response):
    """Goes out whole, then takes in and forgets what still comes, until the client stops or the time is up.

    A socket closed with unread data is reset, and the reset can overtake the answer: of curl's endless uploads two
    in three ended in "connection reset" instead of our 413.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # ASGI's own form
        """Sends the answer."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER_S):
                while (await receive())["type"] != "http.disconnect":
                    pass
        await send({"type": "http.response.body", "body": b""})
