"""Bounds the pixels that all decoders hold together; knows no image."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from model.data.images import MAX_PIXELS


class PixelBudget:
    """Shared by the decoding threads. A pixel takes 4 to 13 bytes on its way to RGB, by the kind of its file."""

    def __init__(self, total_pixels: int = 2 * MAX_PIXELS) -> None:
        self._total = total_pixels
        self._free = total_pixels
        self._changed = threading.Condition()
        self._turn = threading.Lock()

    @contextmanager
    def share(self) -> Iterator[Callable[[int], None]]:
        """What waits for room for so many pixels, to be called once; the room is free again after the block."""
        taken = 0

        def take(pixels: int) -> None:
            nonlocal taken
            wanted = min(pixels, self._total)  # more than all there is has it alone
            # One waits at a time, or small images would pass a large one for ever.
            with self._turn, self._changed:
                self._changed.wait_for(lambda: self._free >= wanted)
                self._free -= wanted
                taken = wanted

        try:
            yield take
        finally:
            with self._changed:
                self._free += taken
                self._changed.notify()
