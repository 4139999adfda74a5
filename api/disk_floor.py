"""Refuses what would fill the disk, before it is taken; knows no HTTP."""

import asyncio
import time

from model.errors import StorageFullError
from model.storage import Storage

_KNOWN_S = 1.0
_MIB = 2**20


class DiskFloor:
    """How much must stay free for new work to be taken; looks once a second at most."""

    def __init__(self, storage: Storage, min_free_bytes: int) -> None:
        self._storage = storage
        self._min_free_bytes = min_free_bytes
        self._free_bytes = 0
        self._known_until = 0.0

    async def require(self) -> None:
        """Go on only while enough is free.

        Raises:
            StorageFullError: with what to do about it.
            StorageError: the disk cannot be asked.
        """
        if not self._min_free_bytes:
            return
        if time.monotonic() > self._known_until:
            self._free_bytes = await asyncio.to_thread(self._storage.free_bytes)
            self._known_until = time.monotonic() + _KNOWN_S
        if self._free_bytes < self._min_free_bytes:
            raise StorageFullError(
                f"Storage has {self._free_bytes // _MIB} MiB free, and new jobs and datasets need "
                f"{self._min_free_bytes // _MIB}: make room (`ninefold gc`, delete models), or lower "
                "NINEFOLD_MIN_FREE_BYTES. What runs already goes on."
            )
