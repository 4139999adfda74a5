"""Limits the images and bytes that wait inside the predictor, and tells refused callers when to retry."""

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from api.predictor.errors import OverloadedError

_NEWEST_WEIGHT = 0.2
_MAX_RETRY_S = 60
BACKGROUND_AFTER_S = 0.02
"""A background request begins when no other request has run for this long, so not between requests that follow closely."""
BACKGROUND_SHARE = 0.05
"""The largest share of the time that background requests take: no larger share of the other requests waits for one."""


class Throughput:
    """Images classified per second: an exponential moving average over batches."""

    def __init__(self, initial_images_per_s: float = 100.0) -> None:
        self.images_per_s = initial_images_per_s

    def add_batch(self, images: int, duration_s: float) -> None:
        """Include one batch in the average."""
        newest = images / max(duration_s, 1e-6)
        self.images_per_s += _NEWEST_WEIGHT * (newest - self.images_per_s)


class Admission:
    """Counts admitted images per model, and their bytes over all models, until they are answered."""

    def __init__(
        self,
        throughput: Throughput,
        *,
        images_per_model: int = 512,
        total_bytes: int = 1 << 29,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._idle_since = self._background_from = -math.inf
        self._has_background = False
        self._throughput = throughput
        self._images_per_model = images_per_model
        self._total_bytes = total_bytes
        self._images: Counter[str] = Counter()
        self._bytes = 0
        self.refused = 0
        """Requests that exceeded a limit."""

    @property
    def images(self) -> int:
        """Admitted images of all models that have no answer yet."""
        return self._images.total()

    @property
    def is_idle(self) -> bool:
        """Whether no request runs, and none ran just now."""
        has_work = self._images or self._has_background
        return not has_work and self._clock() >= max(
            self._idle_since + BACKGROUND_AFTER_S, self._background_from
        )

    @contextmanager
    def admit_background(self) -> Iterator[None]:
        """Let one background request run; raises `OverloadedError` if another request runs, or ran just now."""
        if not self.is_idle:
            raise OverloadedError("The predictor has other work.", retry_after_s=1)
        self._has_background, started = True, self._clock()
        try:
            yield
        finally:
            ended, self._has_background = self._clock(), False
            self._background_from = ended + (ended - started) / BACKGROUND_SHARE

    @contextmanager
    def admit(self, model_id: str, images: int, size_bytes: int) -> Iterator[None]:
        """Count a request while the block runs; raises `OverloadedError` if the request exceeds a limit."""
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
            self._idle_since = self._clock()

    def _check(self, model_id: str, images: int, size_bytes: int) -> None:
        waiting = self._images[model_id]
        # An empty queue admits a request of any size: a request above the limit would otherwise never be admitted.
        if waiting and waiting + images > self._images_per_model:
            self._refuse(f"{waiting} images wait for this model; at most {self._images_per_model} may")
        if self._bytes and self._bytes + size_bytes > self._total_bytes:
            self._refuse(f"{self._bytes} bytes of images wait; at most {self._total_bytes} may")

    def _refuse(self, reason: str) -> None:
        self.refused += 1
        wait_s = min(_MAX_RETRY_S, max(1, math.ceil(self.images / self._throughput.images_per_s)))
        raise OverloadedError(f"{reason}. Try again in {wait_s} s.", retry_after_s=wait_s)
