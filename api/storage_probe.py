"""Whether storage works, looked at now and then however often it is asked. Knows no HTTP."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

from model.errors import StorageError
from model.storage import Storage

KNOWN_S = 2.0
TIMEOUT_S = 3.0


class StorageProbe:
    """One look at a time, in a thread of its own: a mount that hangs holds nothing else up."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._thread = ThreadPoolExecutor(1, "storage-probe")
        self._look: asyncio.Future[str] | None = None
        self._looked_at = 0.0

    async def trouble(self) -> str:
        """What is wrong with storage; nothing when it works."""
        if self._look is None or (self._look.done() and time.monotonic() - self._looked_at > KNOWN_S):
            self._looked_at = time.monotonic()
            self._look = asyncio.get_running_loop().run_in_executor(self._thread, self._check)
        try:
            return await asyncio.wait_for(asyncio.shield(self._look), TIMEOUT_S)
        except TimeoutError:
            return "Storage does not answer."

    def _check(self) -> str:
        try:
            self._storage.check()
        except StorageError as error:
            return str(error)
        return ""
