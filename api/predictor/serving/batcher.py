"""Forms batches for the inference thread; requests take turns, and so do models. Knows no torch."""

import asyncio
import heapq
import itertools
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from api.predictor.errors import InferenceFailedError, OutOfMemoryError

MAX_BATCH = 64
_TURN_S = 0.1
_LONGEST_TURN_S = 10.0
_OUT_OF_MEMORY = "There is not enough memory for this image and this model at the moment: try again."

log = logging.getLogger(__name__)


class Network(Protocol):
    """The method of a classifier that the batcher calls."""

    def classify(self, images: np.ndarray, /) -> np.ndarray:
        """Return calibrated scores_NK for images_NHWC (uint8); raises MemoryError, after which it must still work."""
        ...


@dataclass(frozen=True)
class Classified:
    """The scores of one image, one per class."""

    scores: np.ndarray
    queued_s: float
    """How long the image waited."""
    infer_s: float
    """How long its batch took."""
    share_s: float
    """How long the inference thread was occupied for each image of the batch."""


@dataclass(eq=False)
class QueuedImage:
    """One decoded image (HWC, uint8) that waits for a batch."""

    network: Network
    image: np.ndarray
    result: asyncio.Future[Classified]
    arrived: float = field(default_factory=time.monotonic)

    @property
    def is_wanted(self) -> bool:
        """False once the caller went away or ran out of time."""
        return not self.result.done()


class Turns:
    """When the images of one request have their turns: as if they came one by one, a tenth of a second apart.

    A small request then does not wait for all images of a large request, and a large request does not wait for all small
    requests that come later.
    """

    def __init__(self) -> None:
        self._last = time.monotonic() + _LONGEST_TURN_S
        self._next = 0.0

    def take(self) -> float:
        """Return the turn of the next image."""
        turn = max(time.monotonic(), self._next)
        self._next = min(turn + _TURN_S, self._last)
        return turn


class Batcher:
    """The queue of the inference thread. A batch starts as soon as the thread is free; it never waits to fill up."""

    def __init__(
        self,
        thread: Executor,
        *,
        max_batch: int = MAX_BATCH,
        on_failure: Callable[[], None] | None = None,
    ) -> None:
        self._thread = thread
        self._max_batch = max_batch
        self._on_failure = on_failure
        self._queues: OrderedDict[Network, list[tuple[float, int, QueuedImage]]] = OrderedDict()
        """By model, a heap: turn, a number that no other image has, and the image."""
        self._numbers = itertools.count()
        self._free_since = time.monotonic()
        self._arrived = asyncio.Event()
        self.batches = 0
        """Batches that were computed."""
        self.batched_images = 0
        """Images in these batches."""

    async def classify(self, network: Network, image: np.ndarray, turn: float) -> Classified:
        """Return the scores of one image; those of a model with the earliest turns are classified first.

        An image whose caller is cancelled before its batch starts is not computed.

        Raises:
            InferenceFailedError: the network failed on the batch of this image.
            OutOfMemoryError: memory did not suffice for this image alone.
        """
        result: asyncio.Future[Classified] = asyncio.get_running_loop().create_future()
        queued = QueuedImage(network, image, result)
        heapq.heappush(self._queues.setdefault(network, []), (turn, next(self._numbers), queued))
        self._arrived.set()
        return await result

    async def run(self) -> None:
        """Run batches until cancelled."""
        while True:
            await self._arrived.wait()
            if batch := self.take_batch():
                await self._infer(batch)
            else:
                self._arrived.clear()

    def take_batch(self) -> list[QueuedImage]:
        """Remove the next batch from the queues: of the model that had no batch for the longest time."""
        batch: list[QueuedImage] = []
        while self._queues and not batch:
            network, queue = next(iter(self._queues.items()))
            while queue and len(batch) < self._max_batch:
                _, _, image = heapq.heappop(queue)
                if image.is_wanted:
                    batch.append(image)
            self._queues.move_to_end(network)
            if not queue:
                del self._queues[network]
        return batch

    async def _infer(self, batch: list[QueuedImage]) -> None:
        started = time.monotonic()
        # Between two batches that follow closely the thread is free for a moment, which counts, too.
        occupied_from = max(self._free_since, min(queued.arrived for queued in batch))
        try:
            scores = await asyncio.get_running_loop().run_in_executor(self._thread, _classify, batch)
        except Exception:
            log.exception("a batch of %d images failed", len(batch))
            self._fail(batch)
            return
        finally:
            self._free_since = time.monotonic()
        infer_s = self._free_since - started
        share_s = (self._free_since - occupied_from) / len(batch)
        self.batches += 1
        self.batched_images += len(batch)
        for queued, scores_K in zip(batch, scores, strict=True):
            if not queued.is_wanted:
                continue
            if scores_K is None:
                queued.result.set_exception(OutOfMemoryError(_OUT_OF_MEMORY))
            else:
                queued.result.set_result(Classified(scores_K, started - queued.arrived, infer_s, share_s))

    def _fail(self, batch: list[QueuedImage]) -> None:
        for queued in batch:
            if queued.is_wanted:
                error = InferenceFailedError("The network failed on this image; try again.")
                queued.result.set_exception(error)
        if self._on_failure is not None:
            self._on_failure()


def _classify(batch: list[QueuedImage], *, is_part: bool = False) -> list[np.ndarray | None]:
    """Return the scores of each image; None for one for which memory does not suffice even alone."""
    try:
        return list(batch[0].network.classify(np.stack([queued.image for queued in batch])))
    except MemoryError:
        if len(batch) == 1:
            return [None]
        if not is_part:  # one line a batch
            log.warning("memory does not suffice for %d images at once: halving the batch", len(batch))
    half = len(batch) // 2  # outside of `except`, so that the arrays of the failed attempt are free again
    return _classify(batch[:half], is_part=True) + _classify(batch[half:], is_part=True)
