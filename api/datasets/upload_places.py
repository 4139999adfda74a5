"""Limits the number of uploads that one process receives at once. Knows no HTTP."""

from dataclasses import dataclass

from api.datasets.errors import UploadsBusyError
from api.http.places import Places


@dataclass(frozen=True)
class UploadLimits:
    """What one API process accepts."""

    max_bytes: int
    """Of one zip."""
    max_uploads: int
    """At once."""
    timeout_s: float = 3600.0
    """Maximum time to receive the body of one request."""


class UploadPlaces(Places):
    """The uploads under way, whole ones and parts."""

    def __init__(self, limits: UploadLimits) -> None:
        super().__init__(limits.max_uploads, UploadsBusyError)
        self.limits = limits
