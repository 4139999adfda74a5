"""Runs blocking calls of storage in threads of their own: a mount that hangs holds up no other work. Knows no HTTP."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import ParamSpec, TypeVar

from model.errors import StorageError

P = ParamSpec("P")
T = TypeVar("T")

TIMEOUT_S = 10.0
_MAX_CALLS = 24
"""Calls at once; more than the uploads of one process, so that uploads alone do not use all of them."""


class StorageHangsError(StorageError):
    """Raised when storage does not answer in time."""

    def __init__(self) -> None:
        super().__init__("Storage does not answer.")


def run_in_thread(call: Callable[[], T]) -> asyncio.Future[T]:
    """Run a call in a new thread.

    Not in an executor: at exit Python waits for an executor's threads, even for one that hangs.
    """
    loop = asyncio.get_running_loop()
    result: asyncio.Future[T] = loop.create_future()

    def settle(error: BaseException | None, value: T | None) -> None:
        if result.done():
            return
        if error is not None:
            result.set_exception(error)
            result.exception()  # the caller may have given up
        else:
            result.set_result(value)  # type: ignore[arg-type]  # a T, when there is no error

    def run() -> None:
        error, value = None, None
        try:
            value = call()
        except BaseException as raised:  # noqa: BLE001  # the caller gets it
            error = raised
        with suppress(RuntimeError):  # the event loop was closed meanwhile
            loop.call_soon_threadsafe(settle, error, value)

    threading.Thread(target=run, name="storage-call", daemon=True).start()
    return result


class StorageCalls:
    """A limited number of calls at once, each within a deadline. A call that hangs occupies its place until it ends."""

    def __init__(self, max_calls: int = _MAX_CALLS) -> None:
        self._max_calls = max_calls
        self._places = asyncio.Semaphore(max_calls)
        self._overdue = 0

    async def run(self, timeout_s: float, call: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
        """Return what `call` returns.

        Raises:
            StorageHangsError: the call did not end, or could not begin, within `timeout_s`; it may still end later.
        """
        if self._overdue >= self._max_calls:
            raise StorageHangsError
        try:
            async with asyncio.timeout(timeout_s):
                await self._places.acquire()
        except TimeoutError:
            raise StorageHangsError from None
        try:
            running = run_in_thread(partial(call, *args, **options))
        except RuntimeError:  # the system has no more threads
            self._places.release()
            raise StorageHangsError from None
        running.add_done_callback(lambda _: self._places.release())
        return await self._result(running, timeout_s)

    async def _result(self, running: asyncio.Future[T], timeout_s: float) -> T:
        await asyncio.wait({running}, timeout=timeout_s)
        if running.done():
            return running.result()
        self._overdue += 1
        running.add_done_callback(self._note_end)
        raise StorageHangsError

    def _note_end(self, _: object) -> None:
        self._overdue -= 1
