"""Undoes what was prepared for a call of the store, when the call had no effect."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from worker.errors import WorkerError


@asynccontextmanager
async def undone_if_refused(undo: Callable[[], Awaitable[object]]) -> AsyncIterator[None]:
    """Run a call of the store; call `undo` if it is certain that it had no effect.

    Without an answer of Redis the item may be queued: then what was prepared stays, and gc deletes what nothing needs.

    Raises:
        WorkerError: as the call raised it.
    """
    try:
        yield
    except WorkerError as error:
        if not error.may_have_been_applied:
            await undo()
        raise
