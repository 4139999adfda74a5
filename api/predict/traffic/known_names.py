"""Remembers for some seconds what is known of a model's name, such as its shadow."""

import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")

_KNOWN_S = 5.0
_MOST_NAMES = 1000


class KnownNames(Generic[T]):
    """What was found for each name that was asked for lately. Asking waits for nothing; `look_up` finds out."""

    def __init__(self, find: Callable[[str, str], Awaitable[T | None]]) -> None:
        """`find` takes a name and its project."""
        self._find = find
        self._known: dict[tuple[str, str], tuple[float, T | None]] = {}
        self._wanted: dict[tuple[str, str], None] = {}

    def get(self, name: str, project: str) -> T | None:
        """Return what is known of a name; None while nothing is."""
        until, found = self._known.get((project, name), (0.0, None))
        if until < time.monotonic():
            self._wanted[project, name] = None
        return found

    @property
    def has_wanted(self) -> bool:
        """Whether `look_up` has something to find out."""
        return bool(self._wanted)

    async def look_up(self) -> None:
        """Find out about the names of which nothing is known, or was long ago; raises what `find` raises."""
        wanted, self._wanted = self._wanted, {}
        for project, name in wanted:
            await self.refresh(name, project)

    async def refresh(self, name: str, project: str) -> None:
        """Find out about a name of which something has just changed; raises what `find` raises."""
        if len(self._known) > _MOST_NAMES:
            self._known.clear()
        found = await self._find(name, project)
        self._known[project, name] = (time.monotonic() + _KNOWN_S, found)
