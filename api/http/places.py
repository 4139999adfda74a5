"""Limits how many requests of one kind a process serves at once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from api.errors import ApiError


class Places:
    """A number of places, each of which one request occupies at a time."""

    def __init__(self, limit: int, busy: Callable[[int], ApiError]) -> None:
        """`busy` makes the error for a request that finds no place, from the limit."""
        self._limit = limit
        self._busy = busy
        self._free = limit

    @contextmanager
    def one(self) -> Iterator[None]:
        """Occupy a place; raises the error of `busy` when there is none."""
        if self._free <= 0:
            raise self._busy(self._limit)
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1
