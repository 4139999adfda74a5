"""Checks that storage works, at most once every two seconds however often readiness is asked for. Knows no HTTP."""

import asyncio
import threading
import time
from contextlib import suppress

from model.errors import StorageError
from model.storage.interface import Storage

CACHED_S = 2.0
TIMEOUT_S = 3.0


class StorageProbe:
    """Runs one check at a time, each in its own thread, so that a hanging mount blocks no other work."""

    def __init__(self, storage: Storage, *, cached_s: float = CACHED_S, timeout_s: float = TIMEOUT_S) -> None:
        self._storage = storage
        self._cached_s = cached_s
        self._timeout_s = timeout_s
        self._check: asyncio.Future[str] | None = None
        self._checked_at = 0.0

    async def failure(self) -> str:
        """Return what is wrong with storage; empty if storage works."""
        if self._check is None or self._is_outdated(self._check):
            self._checked_at = time.monotonic()
            self._check = self._start_check()
        try:
            return await asyncio.wait_for(asyncio.shield(self._check), self._timeout_s)
        except TimeoutError:
            return "Storage does not answer."

    def _is_outdated(self, check: asyncio.Future[str]) -> bool:
        return check.done() and time.monotonic() - self._checked_at > self._cached_s

    def _start_check(self) -> asyncio.Future[str]:
        loop = asyncio.get_running_loop()
        check: asyncio.Future[str] = loop.create_future()

        def run() -> None:
            failure = self._run_check()
            with suppress(RuntimeError):  # the event loop was closed during the check
                loop.call_soon_threadsafe(check.set_result, failure)

        # A thread instead of an executor: at exit Python waits for an executor's threads, even for one that hangs.
        threading.Thread(target=run, name="storage-probe", daemon=True).start()
        return check

    def _run_check(self) -> str:
        try:
            self._storage.check()
        except StorageError as error:
            return str(error)
        except Exception as error:  # noqa: BLE001  # an exception would end the thread without a result
            return f"Storage failed: {type(error).__name__}."
        return ""
