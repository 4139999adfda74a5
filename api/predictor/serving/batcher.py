"""Forms batches while the one inference thread is busy, fairly between requests; knows no torch."""

import asyncio
import logging
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from api.predictor.errors import InferenceFailedError
from api.predictor.serving.admission import Rate

log = logging.getLogger(__name__)


class Network(Protocol):
    """The part of a classifier that a batch needs."""

    def classify(self, images: np.ndarray, /) -> np.ndarray:
        """Calibrated scores_NK of images_NHWC in uint8."""
        ...


@dataclass(frozen=True)
class Classified:
    """What one image's turn gave: a score for each class, and how long it waited and took."""

    scores: np.ndarray
    queued_s: float
    infer_s: float


@dataclass(eq=False)
class Waiting:
    """One decoded image (HWC, uint8) whose turn has not come."""

    network: Network
    image: np.ndarray
    result: asyncio.Future[Classified]
    arrived: float

    @property
    def is_wanted(self) -> bool:
        """False once its caller went away or ran out of time."""
        return not self.result.done()


class Batcher:
    """One inference thread's queue: a batch leaves as soon as the thread is free, never waiting to fill."""

    def __init__(
        self, thread: Executor, rate: Rate, *, max_batch: int = 64, on_fault: Callable[[], None] | None = None
    ) -> None:
        self._thread = thread
        self._rate = rate
        self._max_batch = max_batch
        self._on_fault = on_fault
        self._requests: OrderedDict[Hashable, deque[Waiting]] = OrderedDict()
        self._arrived = asyncio.Event()

    async def classify(self, network: Network, image: np.ndarray, *, request: Hashable) -> Classified:
        """Scores of one image of a request; cancelled before its turn, it costs nothing.

        Raises:
            InferenceFailedError: the network failed on its batch.
        """
        result: asyncio.Future[Classified] = asyncio.get_running_loop().create_future()
        waiting = Waiting(network, image, result, time.monotonic())
        self._requests.setdefault(request, deque()).append(waiting)
        self._arrived.set()
        return await result

    async def run(self) -> None:
        """Serves batches for ever."""
        while True:
            await self._arrived.wait()
            if batch := self.take():
                await self._infer(batch)
            else:
                self._arrived.clear()

    def take(self) -> list[Waiting]:
        """The next batch: requests take turns, one image each; the longest without a turn names the model."""
        batch: list[Waiting] = []
        passed = 0
        while passed < len(self._requests) and len(batch) < self._max_batch:
            request, queue = next(iter(self._requests.items()))
            while queue and not queue[0].is_wanted:
                queue.popleft()
            if not queue:
                del self._requests[request]
                continue
            self._requests.move_to_end(request)
            if batch and queue[0].network is not batch[0].network:
                passed += 1
                continue
            batch.append(queue.popleft())
            passed = 0
        return batch

    async def _infer(self, batch: list[Waiting]) -> None:
        started = time.monotonic()
        try:
            scores_NK = await asyncio.get_running_loop().run_in_executor(self._thread, _classify, batch)
        except Exception:
            log.exception("a batch of %d images failed", len(batch))
            self._fail(batch)
            return
        infer_s = time.monotonic() - started
        self._rate.measured(len(batch), infer_s)
        for waiting, scores_K in zip(batch, scores_NK, strict=True):
            if waiting.is_wanted:
                waiting.result.set_result(Classified(scores_K, started - waiting.arrived, infer_s))

    def _fail(self, batch: list[Waiting]) -> None:
        for waiting in batch:
            if waiting.is_wanted:
                waiting.result.set_exception(
                    InferenceFailedError("The network failed on this image; try again.")
                )
        if self._on_fault is not None:
            self._on_fault()


def _classify(batch: list[Waiting]) -> np.ndarray:
    return batch[0].network.classify(np.stack([waiting.image for waiting in batch]))
