"""Images of answered requests that wait, in memory, for work which must not delay any answer."""

from collections import deque
from dataclasses import dataclass
from typing import Generic, TypeVar

MOST_WAITING = 32
MOST_WAITING_BYTES = 64 * 2**20

T = TypeVar("T")


@dataclass(frozen=True)
class WaitingImage(Generic[T]):
    """An image, and what is to be known for the work."""

    data: bytes
    facts: T


class WaitingImages(Generic[T]):
    """At most 32 images, of 64 MiB together; the oldest is first."""

    def __init__(self) -> None:
        self._images: deque[WaitingImage[T]] = deque()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._images)

    def offer(self, data: bytes | bytearray, facts: T) -> bool:
        """Add an image; return False if there is no room for it."""
        if len(self._images) >= MOST_WAITING or self._bytes + len(data) > MOST_WAITING_BYTES:
            return False
        self._images.append(WaitingImage(bytes(data), facts))
        self._bytes += len(data)
        return True

    def take(self) -> WaitingImage[T]:
        """Remove the first image and return it."""
        image = self._images.popleft()
        self._bytes -= len(image.data)
        return image
