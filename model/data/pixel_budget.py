"""Limits the number of pixels that all decoding threads hold in memory together."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from model.data.images import MAX_PIXELS


class PixelBudget:
    """A budget shared by the decoding threads.

    Decoding a pixel to RGB takes 4 to 13 bytes of memory, depending on the file format.
    """

    def __init__(self, total_pixels: int = 2 * MAX_PIXELS) -> None:
        self._total = total_pixels
        self._free = total_pixels
        self._changed = threading.Condition()
        self._turn = threading.Lock()

    @contextmanager
    def share(self) -> Iterator[Callable[[int], None]]:
        """Provide a function `take(pixels)` that waits for room in the budget; call it at most once.

        The end of the block returns the pixels to the budget.
        """
        taken = 0

        def take(pixels: int) -> None:
            nonlocal taken
            needed = min(pixels, self._total)  # an image above the whole budget gets all of it
            # Only one thread waits at a time: otherwise small images would overtake a large one again and again.
            with self._turn, self._changed:
                self._changed.wait_for(lambda: self._free >= needed)
                self._free -= needed
                taken = needed

        try:
            yield take
        finally:
            with self._changed:
                self._free += taken
                self._changed.notify()
