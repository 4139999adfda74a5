"""Refuses new work when storage is nearly full, before the work is accepted. Knows no HTTP."""

import asyncio
import time

from model.errors import StorageFullError
from model.storage.interface import Storage

_FREE_CACHED_S = 1.0
_USED_CACHED_S = 10.0
"""Longer, because adding up the sizes of all objects lists every object."""
_MIB = 2**20
_ADVICE = "make room (`ninefold gc`, delete models and datasets), or"
_RUNNING_JOBS = "Running jobs continue."


class StorageSpace:
    """The limits of free and used bytes beyond which new jobs and datasets are refused; 0 means no limit."""

    def __init__(self, storage: Storage, min_free_bytes: int, max_bytes: int) -> None:
        self._storage = storage
        self._min_free_bytes = min_free_bytes
        self._max_bytes = max_bytes
        self._free_bytes = self._used_bytes = 0
        self._free_expires_at = self._used_expires_at = 0.0
        self._measuring = asyncio.Lock()

    async def require(self) -> None:
        """Return if new work may be accepted.

        Raises:
            StorageFullError: a limit is reached; the message says what to do.
            StorageError: storage cannot be measured.
        """
        async with self._measuring:
            await self._measure()
        if self._min_free_bytes and self._free_bytes < self._min_free_bytes:
            raise StorageFullError(
                f"Storage has {self._free_bytes // _MIB} MiB free, and new jobs and datasets need "
                f"{self._min_free_bytes // _MIB} MiB: {_ADVICE} lower NINEFOLD_MIN_FREE_BYTES. {_RUNNING_JOBS}"
            )
        if self._max_bytes and self._used_bytes >= self._max_bytes:
            raise StorageFullError(
                f"Storage holds {self._used_bytes // _MIB} MiB, and new jobs and datasets are accepted below "
                f"{self._max_bytes // _MIB} MiB: {_ADVICE} raise NINEFOLD_MAX_STORAGE_BYTES. {_RUNNING_JOBS}"
            )

    async def _measure(self) -> None:
        if self._min_free_bytes and time.monotonic() > self._free_expires_at:
            self._free_bytes = await asyncio.to_thread(self._storage.free_bytes)
            self._free_expires_at = time.monotonic() + _FREE_CACHED_S
        if self._max_bytes and time.monotonic() > self._used_expires_at:
            self._used_bytes = await asyncio.to_thread(self._storage.used_bytes)
            self._used_expires_at = time.monotonic() + _USED_CACHED_S
