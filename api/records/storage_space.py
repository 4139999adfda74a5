"""Refuses what would fill the storage, before it is taken; knows no HTTP."""

import asyncio
import time

from model.errors import StorageFullError
from model.storage.interface import Storage

_KNOWN_S = 1.0
_USE_KNOWN_S = 10.0
"""To add up what all objects take is a walk over them."""
_MIB = 2**20
_ADVICE = "make room (`ninefold gc`, delete models and datasets), or"
_GOES_ON = "What runs already goes on."


class StorageRoom:
    """How much must stay free, and how much may be used, for new work to be taken; 0: no such limit."""

    def __init__(self, storage: Storage, min_free_bytes: int, max_bytes: int) -> None:
        self._storage = storage
        self._min_free_bytes = min_free_bytes
        self._max_bytes = max_bytes
        self._free_bytes = self._used_bytes = 0
        self._free_known_until = self._used_known_until = 0.0
        self._looks = asyncio.Lock()

    async def require(self) -> None:
        """Go on only while there is room.

        Raises:
            StorageFullError: with what to do about it.
            StorageError: the disk cannot be asked.
        """
        async with self._looks:
            await self._look()
        if self._min_free_bytes and self._free_bytes < self._min_free_bytes:
            raise StorageFullError(
                f"Storage has {self._free_bytes // _MIB} MiB free, and new jobs and datasets need "
                f"{self._min_free_bytes // _MIB}: {_ADVICE} lower NINEFOLD_MIN_FREE_BYTES. {_GOES_ON}"
            )
        if self._max_bytes and self._used_bytes >= self._max_bytes:
            raise StorageFullError(
                f"Storage holds {self._used_bytes // _MIB} MiB, and new jobs and datasets are taken below "
                f"{self._max_bytes // _MIB}: {_ADVICE} raise NINEFOLD_MAX_STORAGE_BYTES. {_GOES_ON}"
            )

    async def _look(self) -> None:
        if self._min_free_bytes and time.monotonic() > self._free_known_until:
            self._free_bytes = await asyncio.to_thread(self._storage.free_bytes)
            self._free_known_until = time.monotonic() + _KNOWN_S
        if self._max_bytes and time.monotonic() > self._used_known_until:
            self._used_bytes = await asyncio.to_thread(self._storage.used_bytes)
            self._used_known_until = time.monotonic() + _USE_KNOWN_S
