"""The child processes that decode images; each is started when it is first needed."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np

from api.predictor.decoding.child import ChildEndedError, DecodingChild
from api.predictor.decoding.limits import CPU_S
from api.predictor.decoding.preparation import LargeImage
from api.predictor.errors import OutOfMemoryError
from model.data.pixel_budget import PixelBudget
from model.errors import ImageError

log = logging.getLogger(__name__)


class _Work:
    """One image that a thread has decoded by a child. It can be given up from the event loop."""

    def __init__(self, children: "DecodingChildren", image: LargeImage) -> None:
        self._children = children
        self._image = image
        self._child: DecodingChild | None = None
        self._is_given_up = False
        self._lock = threading.Lock()

    def run(self) -> tuple[np.ndarray, float]:
        """Decode with an idle child, or a new one."""
        with self._children.pixel_budget.share() as take:
            while True:
                with (
                    self._children.lent() as child,
                    self._using(child),
                    contextlib.suppress(ChildEndedError),
                ):
                    return child.prepare(self._image, take)

    def give_up(self) -> None:
        """End the child that decodes the image."""
        with self._lock:
            self._is_given_up = True
            if self._child is not None:
                self._child.kill()

    @contextmanager
    def _using(self, child: DecodingChild) -> Iterator[None]:
        with self._lock:
            if self._is_given_up:
                raise ImageError("The request ended before this image was decoded.")
            self._child = child
        try:
            yield
        finally:
            with self._lock:
                self._child = None  # the next image of this child is another's


class DecodingChildren:
    """A number of child processes, which share a budget of pixels."""

    def __init__(self, most: int, pixel_budget: PixelBudget | None = None, *, cpu_s: float = CPU_S) -> None:
        """At most `most` images at a time; `cpu_s` is the processor time that one may take."""
        self._cpu_s = cpu_s
        self.pixel_budget = pixel_budget or PixelBudget()
        self._slots = asyncio.Semaphore(most)
        self._threads = ThreadPoolExecutor(most, "decoding-child")
        self._idle: list[DecodingChild] = []
        self._all: set[DecodingChild] = set()
        self._is_closed = False

    @property
    def idle(self) -> list[int]:
        """Process ids of the children without work."""
        return [child.pid for child in self._idle]

    async def prepare(self, image: LargeImage) -> tuple[np.ndarray, float]:
        """Return an image as HWC, uint8, with the preprocessing of training, and the seconds that decoding took.

        A child whose caller is cancelled is killed: the image may be the reason why the caller waits.

        Raises:
            ImageError: the bytes are no image that can be decoded, or take too much time or memory.
            OutOfMemoryError: no child can be started.
        """
        async with self._slots:
            work = _Work(self, image)
            try:
                return await asyncio.get_running_loop().run_in_executor(self._threads, work.run)
            except asyncio.CancelledError:
                work.give_up()
                raise

    def close(self) -> None:
        """End the children, also those that decode."""
        self._is_closed = True
        for child in list(self._all):
            child.kill()
        self._threads.shutdown(cancel_futures=True)
        for child in self._all:
            child.close()

    @contextmanager
    def lent(self) -> Iterator[DecodingChild]:
        """Provide a child for one image, in a thread."""
        child = self._started()
        try:
            yield child
        finally:
            if child.is_alive:
                self._idle.append(child)
            else:
                self._all.discard(child)
                child.close()

    def _started(self) -> DecodingChild:
        if self._is_closed:
            raise ImageError("The predictor ends.")
        with contextlib.suppress(IndexError):
            return self._idle.pop()
        try:
            child = DecodingChild(self._cpu_s)
        except OSError as error:
            log.warning("no process to decode an image can be started: %s", error)
            raise OutOfMemoryError(
                "No process can be started to decode this image at the moment: try again."
            ) from error
        self._all.add(child)
        return child
