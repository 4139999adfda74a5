"""Cancels work when the client that waits for it disconnects."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request

T = TypeVar("T")
_CANCEL_AGAIN_S = 0.5


async def while_connected(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Return the result of `work`, or cancel `work` as soon as the client disconnects.

    The request's body must have been read to its end, so that the next ASGI message is the disconnect.

    Raises:
        ClientDisconnect: the client disconnected before `work` was done.
    """
    working = asyncio.create_task(work)
    watching = asyncio.create_task(_wait_for_disconnect(request))
    try:
        await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return working.result()
    finally:
        await _end({working, watching})


async def read_waiting(request: Request, reading: Coroutine[Any, Any, T], wait_s: float) -> T:
    """Return the result of `reading`, which waits up to `wait_s`; a client that disconnects meanwhile ends it.

    Raises:
        ClientDisconnect: the client disconnected while `reading` waited.
    """
    return await (while_connected(request, reading) if wait_s else reading)


async def _end(tasks: set[asyncio.Task[Any]]) -> None:
    """Cancel tasks until they have ended: redis-py loses a cancellation that arrives just when its answer does."""
    while tasks:
        for task in tasks:
            task.cancel()
        _, tasks = await asyncio.wait(tasks, timeout=_CANCEL_AGAIN_S)


async def _wait_for_disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
