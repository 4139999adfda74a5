"""Limits the time that requests wait inside the predictor, and their bytes, and tells refused callers when to retry."""

import math
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from api.predictor.errors import OverloadedError
from api.predictor.retrying import retry_after
from api.predictor.serving.batcher import MAX_BATCH
from api.predictor.serving.speeds import Queue, QueueSpeeds

BACKGROUND_AFTER_S = 0.02
"""A background request begins when no other request has run for this long, so not between requests that follow closely."""
BACKGROUND_SHARE = 0.05
"""The largest share of the time that background requests take: no larger share of the other requests waits for one."""


@dataclass(frozen=True)
class AdmissionLimits:
    """What may wait in the predictor."""

    wait_s: float = 5.0
    """A request is refused if it would most likely wait longer for its turn."""
    images_per_queue: int = 1024
    """A queue with this number of images gets no further request."""
    total_bytes: int = 1 << 29


class Admission:
    """Counts the images of admitted requests per queue, and their bytes over all queues, until they are answered."""

    def __init__(
        self,
        speeds: QueueSpeeds,
        limits: AdmissionLimits | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.speeds = speeds
        self._limits = limits or AdmissionLimits()
        self._clock = clock
        self._idle_since = self._background_from = -math.inf
        self._has_background = False
        self._requests: defaultdict[Queue, Counter[int]] = defaultdict(Counter)
        """By queue: how many requests have how many images."""
        self._bytes = 0
        self.refused = 0
        """Requests that exceeded a limit."""

    @property
    def images(self) -> int:
        """Admitted images of all queues that have no answer yet."""
        return sum(self._waiting(queue) for queue in self._requests)

    @property
    def longest_wait_s(self) -> float:
        """The time that a request with one image would most likely wait now, in the longest queue."""
        return max((self.expected_wait_s(queue, 1) for queue in self._requests), default=0.0)

    @property
    def is_idle(self) -> bool:
        """Whether no request runs, and none ran just now."""
        has_work = self._requests or self._has_background
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
    def admit(
        self, queue: Queue, images: int, size_bytes: int, *, deadline_s: float = math.inf
    ) -> Iterator[None]:
        """Count a request while the block runs; raises `OverloadedError` if the request exceeds a limit.

        Args:
            queue: in which its images wait.
            images: of the request.
            size_bytes: of all images together.
            deadline_s: a request that would wait longer is refused, too.
        """
        self._check(queue, images, size_bytes, deadline_s)
        self._requests[queue][images] += 1
        self._bytes += size_bytes
        try:
            yield
        finally:
            self._remove(queue, images)
            self._bytes -= size_bytes
            self._idle_since = self._clock()

    def expected_wait_s(self, queue: Queue, images: int) -> float:
        """Return how long a new request would most likely wait for others before its last image is classified.

        The images of all requests of a queue take turns, so a larger request delays it by no more images than it has
        itself. Batches of several models take turns, too. An image is classified when its whole batch is, on average
        half a batch after its turn.
        """
        ahead = self._waiting(queue, images)
        batches = math.ceil((ahead + images) / MAX_BATCH)
        others_s = (
            min(self._waiting(other), batches * MAX_BATCH) * self.speeds.infer_s(other)
            for other in self._requests
            if other != queue
        )
        batch_s = min(ahead, MAX_BATCH) / 2 * self.speeds.infer_s(queue)
        return ahead * self.speeds.image_s(queue) + batch_s + sum(others_s)

    def _waiting(self, queue: Queue, most_per_request: float = math.inf) -> int:
        requests = self._requests.get(queue, Counter())
        return int(sum(min(images, most_per_request) * count for images, count in requests.items()))

    def _remove(self, queue: Queue, images: int) -> None:
        requests = self._requests[queue]
        requests[images] -= 1
        if not requests[images]:
            del requests[images]
        if not requests:
            del self._requests[queue]

    def _check(self, queue: Queue, images: int, size_bytes: int, deadline_s: float) -> None:
        waiting, wait_s = self._waiting(queue), self.expected_wait_s(queue, images)
        # An empty queue admits a request of any size: a request above the limit would otherwise never be admitted.
        if wait_s > self._limits.wait_s:
            self._refuse(
                f"Requests wait {wait_s:.1f} s now; at most {self._limits.wait_s:g} s are allowed", wait_s
            )
        if wait_s > deadline_s:
            self._refuse(f"Requests wait {wait_s:.1f} s now, longer than timeout_ms allows", wait_s)
        if waiting >= self._limits.images_per_queue:
            self._refuse(f"{waiting} images wait", wait_s)
        if self._bytes and self._bytes + size_bytes > self._limits.total_bytes:
            self._refuse(
                f"{self._bytes} bytes of images wait; at most {self._limits.total_bytes} may", wait_s
            )

    def _refuse(self, reason: str, wait_s: float) -> None:
        self.refused += 1
        retry_after_s = retry_after(wait_s)
        raise OverloadedError(f"{reason}. Try again in {retry_after_s} s.", retry_after_s=retry_after_s)
