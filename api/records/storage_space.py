"""Refuses new work when storage is nearly full, before the work is accepted. Knows no HTTP."""

import asyncio
import time

from api.records.storage_calls import TIMEOUT_S, StorageHangsError
from api.records.storages import Storages
from model.errors import StorageFullError

_FREE_CACHED_S = 1.0
_USED_CACHED_S = 10.0
"""Longer, because adding up the sizes of all objects lists every object."""
_COUNT_TIMEOUT_S = 300.0
_MIB = 2**20
_ADVICE = "make room (`ninefold gc`, delete models and datasets), or"
_RUNNING_JOBS = "Running jobs continue."


class StorageSpace:
    """The limits of free and used bytes beyond which new jobs and datasets are refused; 0 means no limit."""

    def __init__(self, storages: Storages, min_free_bytes: int, max_bytes: int) -> None:
        self._storages = storages
        self._min_free_bytes = min_free_bytes
        self._max_bytes = max_bytes
        self._free_bytes = self._used_bytes = 0
        self._free_expires_at = self._used_expires_at = 0.0
        self._measuring: asyncio.Task[None] | None = None

    async def require(self) -> None:
        """Return if new work may be accepted.

        Raises:
            StorageFullError: a limit is reached; the message says what to do.
            StorageError: storage cannot be measured.
        """
        await self._wait_until_measured()
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

    async def _wait_until_measured(self) -> None:
        """Wait for one measurement that all requests share; raises StorageHangsError after `TIMEOUT_S`."""
        if self._measuring is None or self._measuring.done():
            if not (self._is_free_due() or self._is_used_due()):
                return
            self._measuring = asyncio.create_task(self._measure())
        await asyncio.wait({self._measuring}, timeout=TIMEOUT_S)
        if not self._measuring.done():
            raise StorageHangsError
        self._measuring.result()

    async def _measure(self) -> None:
        storage = self._storages.root
        if self._is_free_due():
            self._free_bytes = await self._storages.run(storage.free_bytes)
            self._free_expires_at = time.monotonic() + _FREE_CACHED_S
        if self._is_used_due():
            self._used_bytes = await self._storages.run_within(_COUNT_TIMEOUT_S, storage.used_bytes)
            self._used_expires_at = time.monotonic() + _USED_CACHED_S

    def _is_free_due(self) -> bool:
        return bool(self._min_free_bytes) and time.monotonic() > self._free_expires_at

    def _is_used_due(self) -> bool:
        return bool(self._max_bytes) and time.monotonic() > self._used_expires_at
