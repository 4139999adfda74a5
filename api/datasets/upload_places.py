"""Limits the number of uploads that one process receives at once. Knows no HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from api.datasets.errors import UploadsBusyError


@dataclass(frozen=True)
class UploadLimits:
    """What one API process accepts."""

    max_bytes: int
    """Of one zip."""
    max_uploads: int
    """At once."""
    timeout_s: float = 3600.0
    """Maximum time to receive the body of one request."""


class UploadPlaces:
    """The uploads under way, whole ones and parts."""

    def __init__(self, limits: UploadLimits) -> None:
        self.limits = limits
        self._taken = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """Occupy a place; raises UploadsBusyError when there is none."""
        if self._taken >= self.limits.max_uploads:
            raise UploadsBusyError(self.limits.max_uploads)
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1
