"""Checks that a disk or a bucket works, at most once every two seconds however often readiness is asked for."""

import asyncio
import time
from typing import Protocol

from api.records.storage_calls import run_in_thread
from model.errors import StorageError

CACHED_S = 2.0
TIMEOUT_S = 3.0


class Checkable(Protocol):
    """A storage, or another folder that must work."""

    def check(self) -> None:
        """Return if it works; raises StorageError with the reason otherwise."""
        ...


class StorageProbe:
    """Runs one check at a time, each in its own thread, so that a hanging mount blocks no other work."""

    def __init__(
        self,
        storage: Checkable,
        name: str = "Storage",
        *,
        cached_s: float = CACHED_S,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        """`name` begins the sentence that says what is wrong."""
        self._storage = storage
        self._name = name
        self._cached_s = cached_s
        self._timeout_s = timeout_s
        self._check: asyncio.Future[str] | None = None
        self._checked_at = 0.0

    async def failure(self) -> str:
        """Return what is wrong; empty if it works."""
        if self._check is None or self._is_outdated(self._check):
            self._checked_at = time.monotonic()
            self._check = run_in_thread(self._run_check)
        try:
            return await asyncio.wait_for(asyncio.shield(self._check), self._timeout_s)
        except TimeoutError:
            return f"{self._name} does not answer."

    def _is_outdated(self, check: asyncio.Future[str]) -> bool:
        return check.done() and time.monotonic() - self._checked_at > self._cached_s

    def _run_check(self) -> str:
        try:
            self._storage.check()
        except StorageError as error:
            return str(error)
        except Exception as error:  # noqa: BLE001  # an exception would end the thread without a result
            return f"{self._name} failed: {type(error).__name__}."
        return ""
