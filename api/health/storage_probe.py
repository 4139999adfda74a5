"""Whether storage works, looked at now and then however often it is asked. Knows no HTTP."""

import asyncio
import threading
import time
from contextlib import suppress

from model.errors import StorageError
from model.storage.interface import Storage

KNOWN_S = 2.0
TIMEOUT_S = 3.0


class StorageProbe:
    """One look at a time, in a thread of its own: a mount that hangs holds nothing else up."""

    def __init__(self, storage: Storage, *, known_s: float = KNOWN_S, timeout_s: float = TIMEOUT_S) -> None:
        self._storage = storage
        self._known_s = known_s
        self._timeout_s = timeout_s
        self._look: asyncio.Future[str] | None = None
        self._looked_at = 0.0

    async def trouble(self) -> str:
        """What is wrong with storage; nothing when it works."""
        if self._look is None or (self._look.done() and time.monotonic() - self._looked_at > self._known_s):
            self._looked_at = time.monotonic()
            self._look = self._begin_look()
        try:
            return await asyncio.wait_for(asyncio.shield(self._look), self._timeout_s)
        except TimeoutError:
            return "Storage does not answer."

    def _begin_look(self) -> asyncio.Future[str]:
        loop = asyncio.get_running_loop()
        look: asyncio.Future[str] = loop.create_future()

        def run() -> None:
            trouble = self._check()
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(look.set_result, trouble)

        # No executor: Python waits for an executor's threads when it ends, and a hung one would keep it from ending.
        threading.Thread(target=run, name="storage-probe", daemon=True).start()
        return look

    def _check(self) -> str:
        try:
            self._storage.check()
        except StorageError as error:
            return str(error)
        except Exception as error:  # noqa: BLE001  # in its thread nobody else would hear of it, and all would wait
            return f"Storage failed: {type(error).__name__}."
        return ""
