"""Who may wait: a bound on the images and bytes inside the predictor, and an honest Retry-After beyond it."""

import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from api.predictor.errors import OverloadedError

_WEIGHT = 0.2  # of the newest batch in the measured rate
_MAX_RETRY_S = 60


class Rate:
    """Images per second, measured over the last few batches."""

    def __init__(self, first_guess: float = 100.0) -> None:
        self.images_per_s = first_guess

    def measured(self, images: int, duration_s: float) -> None:
        """Takes one batch into the average."""
        now = images / max(duration_s, 1e-6)
        self.images_per_s += _WEIGHT * (now - self.images_per_s)


class Admission:
    """Counts the images of every model that were let in and have no answer yet."""

    def __init__(self, rate: Rate, *, images_per_model: int = 512, total_bytes: int = 1 << 29) -> None:
        self._rate = rate
        self._images_per_model = images_per_model
        self._total_bytes = total_bytes
        self._images: Counter[str] = Counter()
        self._bytes = 0

    @property
    def images(self) -> int:
        """All that wait or are being classified."""
        return self._images.total()

    @contextmanager
    def admit(self, model_id: str, images: int, size_bytes: int) -> Iterator[None]:
        """Lets a whole request in for as long as the block runs; raises `OverloadedError` if it does not fit."""
        self._check(model_id, images, size_bytes)
        self._images[model_id] += images
        self._bytes += size_bytes
        try:
            yield
        finally:
            self._images[model_id] -= images
            self._bytes -= size_bytes
            if not self._images[model_id]:
                del self._images[model_id]

    def _check(self, model_id: str, images: int, size_bytes: int) -> None:
        waiting = self._images[model_id]
        # An empty queue takes a request of any size: one larger than the bound could never come in otherwise.
        if waiting and waiting + images > self._images_per_model:
            self._refuse(f"{waiting} images wait for this model; at most {self._images_per_model} may")
        if self._bytes and self._bytes + size_bytes > self._total_bytes:
            self._refuse(f"{self._bytes} bytes of images wait; at most {self._total_bytes} may")

    def _refuse(self, why: str) -> None:
        wait_s = min(_MAX_RETRY_S, max(1, math.ceil(self.images / self._rate.images_per_s)))
        raise OverloadedError(f"{why}. Try again in {wait_s} s.", retry_after_s=wait_s)
