"""Remembers for a moment that the predictor refused a model's requests, so that the next ones cost hardly any work."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from api.predictor.errors import OverloadedError

_REMEMBERED_S = 0.2
"""Meanwhile a queue of several seconds gets only a little shorter."""
_MOST_QUEUES = 1000


Queue = tuple[str, str | None, bool]
"""A project, the reference of a model as requests name it, and whether the images are large."""


class RecentRefusals:
    """The refusals of requests with one image: requests with more images would be refused, too."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._refusals: dict[Queue, tuple[float, OverloadedError]] = {}

    def check(self, queue: Queue) -> None:
        """Raise `OverloadedError` if a request was refused just now."""
        until, error = self._refusals.get(queue, (0.0, None))
        if error is not None and self._clock() < until:
            raise OverloadedError(str(error), retry_after_s=error.retry_after_s)

    @contextmanager
    def remembered(self, queue: Queue) -> Iterator[None]:
        """Remember it if a request is refused while the block runs."""
        try:
            yield
        except OverloadedError as error:
            if len(self._refusals) >= _MOST_QUEUES:
                self._refusals.clear()
            self._refusals[queue] = (self._clock() + _REMEMBERED_S, error)
            raise
