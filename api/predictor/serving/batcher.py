"""Forms batches for the inference thread; requests take turns within a batch. Knows no torch."""

import asyncio
import logging
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from api.predictor.errors import InferenceFailedError, OutOfMemoryError
from api.predictor.serving.admission import Throughput

_OUT_OF_MEMORY = "There is not enough memory for this image and this model at the moment: try again."

log = logging.getLogger(__name__)


class Network(Protocol):
    """The method of a classifier that the batcher calls."""

    def classify(self, images: np.ndarray, /) -> np.ndarray:
        """Return calibrated scores_NK for images_NHWC (uint8); raises MemoryError, after which it must still work."""
        ...


@dataclass(frozen=True)
class Classified:
    """The scores of one image, one per class, and the seconds that it waited and that its batch took."""

    scores: np.ndarray
    queued_s: float
    infer_s: float


@dataclass(eq=False)
class QueuedImage:
    """One decoded image (HWC, uint8) that waits for a batch."""

    network: Network
    image: np.ndarray
    result: asyncio.Future[Classified]
    arrived: float

    @property
    def is_wanted(self) -> bool:
        """False once the caller went away or ran out of time."""
        return not self.result.done()


class Batcher:
    """The queue of the inference thread. A batch starts as soon as the thread is free; it never waits to fill up."""

    def __init__(
        self,
        thread: Executor,
        throughput: Throughput,
        *,
        max_batch: int = 64,
        on_failure: Callable[[], None] | None = None,
    ) -> None:
        self._thread = thread
        self._throughput = throughput
        self._max_batch = max_batch
        self._on_failure = on_failure
        self._queues: OrderedDict[Hashable, deque[QueuedImage]] = OrderedDict()
        self._arrived = asyncio.Event()
        self.batches = 0
        """Batches that were computed."""
        self.batched_images = 0
        """Images in these batches."""

    async def classify(self, network: Network, image: np.ndarray, *, request: Hashable) -> Classified:
        """Return the scores of one image of `request`.

        An image whose caller is cancelled before its batch starts is not computed.

        Raises:
            InferenceFailedError: the network failed on the batch of this image.
            OutOfMemoryError: memory did not suffice for this image alone.
        """
        result: asyncio.Future[Classified] = asyncio.get_running_loop().create_future()
        queued = QueuedImage(network, image, result, time.monotonic())
        self._queues.setdefault(request, deque()).append(queued)
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
        """Remove the next batch from the queues.

        Requests take turns, one image each. The request that had no turn for the longest time comes first and
        decides the model of the batch; requests for other models keep their place.
        """
        batch: list[QueuedImage] = []
        skipped = 0
        while skipped < len(self._queues) and len(batch) < self._max_batch:
            request, queue = next(iter(self._queues.items()))
            while queue and not queue[0].is_wanted:
                queue.popleft()
            if not queue:
                del self._queues[request]
                continue
            self._queues.move_to_end(request)
            if batch and queue[0].network is not batch[0].network:
                skipped += 1
                continue
            batch.append(queue.popleft())
            skipped = 0
        return batch

    async def _infer(self, batch: list[QueuedImage]) -> None:
        started = time.monotonic()
        try:
            scores = await asyncio.get_running_loop().run_in_executor(self._thread, _classify, batch)
        except Exception:
            log.exception("a batch of %d images failed", len(batch))
            self._fail(batch)
            return
        infer_s = time.monotonic() - started
        self._throughput.add_batch(len(batch), infer_s)
        self.batches += 1
        self.batched_images += len(batch)
        for queued, scores_K in zip(batch, scores, strict=True):
            if not queued.is_wanted:
                continue
            if scores_K is None:
                queued.result.set_exception(OutOfMemoryError(_OUT_OF_MEMORY))
            else:
                queued.result.set_result(Classified(scores_K, started - queued.arrived, infer_s))

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
