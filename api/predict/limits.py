"""Limits on uploads: of one request, and of the bytes that all requests hold in memory together."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from api.predictor.errors import OverloadedError
from api.predictor.retrying import retry_after

_UPLOAD_S = 2.0


@dataclass(frozen=True)
class UploadLimits:
    """The limits of one request."""

    image_bytes: int = 20_000_000
    request_bytes: int = 100_000_000
    images: int = 64
    explained_images: int = 16
    """In a request whose answers shall be explained."""
    are_explained: bool = False

    def for_explanations(self) -> "UploadLimits":
        """Return the limits of a request whose answers shall be explained."""
        return replace(self, images=min(self.images, self.explained_images), are_explained=True)

    timeout_s: float = 120.0
    stall_s: float = 10.0
    """A body of which nothing arrives for so long is given up."""


class UploadBudget:
    """Limits the bytes of all uploads in memory together; each upload takes bytes as they arrive.

    A part is for small uploads: however many large ones are in progress, or stalled, small images are classified.
    """

    def __init__(
        self, total_bytes: int = 256_000_000, *, reserved_bytes: int = 32_000_000, small_bytes: int = 500_000
    ) -> None:
        """`reserved_bytes` are for uploads of at most `small_bytes`."""
        self._free_bytes = total_bytes
        self._reserved_bytes = reserved_bytes
        self._small_bytes = small_bytes

    @contextmanager
    def share(self) -> Iterator[Callable[[int], None]]:
        """Provide a function `take(size_bytes)`; the end of the block returns all taken bytes to the budget.

        `take` raises `OverloadedError` if the budget has fewer bytes left.
        """
        taken_bytes = 0

        def take(size_bytes: int) -> None:
            nonlocal taken_bytes
            is_small = taken_bytes + size_bytes <= self._small_bytes
            if size_bytes > self._free_bytes - (0 if is_small else self._reserved_bytes):
                wait_s = retry_after(_UPLOAD_S)
                raise OverloadedError(
                    f"Too many uploads are in progress; try again in {wait_s} s.", retry_after_s=wait_s
                )
            self._free_bytes -= size_bytes
            taken_bytes += size_bytes

        try:
            yield take
        finally:
            self._free_bytes += taken_bytes
