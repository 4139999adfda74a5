"""Limits the number of uploads that one process receives at once. Knows no HTTP."""

from dataclasses import dataclass

from api.datasets.errors import UploadsBusyError
from api.http.errors import BodyTooLargeError
from api.http.places import Places

HINT = "Send the zip itself: curl --data-binary @photos.zip."


@dataclass(frozen=True)
class UploadLimits:
    """What one API process accepts."""

    max_bytes: int
    """Of one zip."""
    max_uploads: int
    """At once."""
    timeout_s: float = 3600.0
    """Maximum time to receive the body of one request."""

    def too_large(self) -> BodyTooLargeError:
        """Return the error for a zip that is too large."""
        return BodyTooLargeError(
            f"A dataset's zip may have {self.max_bytes} bytes at most: use smaller images, or raise "
            "NINEFOLD_MAX_DATASET_BYTES."
        )


class UploadPlaces(Places):
    """The uploads under way, whole ones and parts."""

    def __init__(self, limits: UploadLimits) -> None:
        super().__init__(limits.max_uploads, UploadsBusyError)
        self.limits = limits
