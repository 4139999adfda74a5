"""Steps on a GPU as recordings (CUDA graphs): to launch its hundreds of small kernels takes the host longer than the
GPU needs to run them."""

import gc
import logging
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Recording:
    graph: torch.cuda.CUDAGraph
    arguments: tuple[Tensor | float, ...]

    def replay(self, arguments: tuple[Tensor | float, ...]) -> None:
        for mine, given in zip(self.arguments, arguments, strict=True):
            if isinstance(mine, Tensor) and isinstance(given, Tensor):
                mine.copy_(given)
        self.graph.replay()


class CudaGraphs:
    """Calls a function that returns nothing: each kind of call the first time as it is, the second time to record it, and
    from then on by replaying what was recorded.

    A kind is the shapes of the tensors and the values of the numbers that are passed. A recording repeats the same kernels
    on the same memory: what may change between calls is what tensors contain, those passed and those that the function
    holds, and the seed of torch's generators.
    """

    def __init__(self, *, records: bool) -> None:
        self._records = records
        self._recordings: dict[Hashable, _Recording | None] = {}
        self._pool: Any = None
        self.is_recording = False
        """The function runs, but nothing is calculated."""

    def call(self, function: Callable[..., None], *arguments: Tensor | float) -> None:
        """Do what the function does with these arguments; it is the same function each time."""
        kind = tuple(a.shape if isinstance(a, Tensor) else a for a in arguments)
        if self._records and kind in self._recordings:
            recording = self._recordings[kind] or self._record(kind, function, arguments)
            if recording:
                recording.replay(arguments)
                return
        function(*arguments)
        if self._records:
            self._recordings.setdefault(kind)

    def __len__(self) -> int:
        """How many recordings there are."""
        return sum(recording is not None for recording in self._recordings.values())

    def give_up(self) -> bool:
        """Forget the recordings and make no more; whether there were any, whose memory is now free."""
        had = len(self) > 0
        if had:
            self._stop_recording()
        return had

    def _stop_recording(self) -> None:
        self._records = False
        self._recordings.clear()

    def _record(
        self, kind: Hashable, function: Callable[..., None], arguments: tuple[Tensor | float, ...]
    ) -> _Recording | None:
        own = tuple(a.clone() if isinstance(a, Tensor) else a for a in arguments)
        graph = torch.cuda.CUDAGraph()
        # They never run at the same time and leave nothing behind: one memory is enough for all.
        self._pool = self._pool or torch.cuda.graph_pool_handle()
        self.is_recording = True
        try:
            with (
                _no_garbage_collection(),
                torch.cuda.graph(graph, self._pool, capture_error_mode="thread_local"),
            ):
                function(*own)
        except RuntimeError as error:
            _log.warning(
                "a step could not be recorded, so from here on kernels are launched one by one: %s", error
            )
            self._stop_recording()
            # The generator of a spoilt recording believes that it goes on, and refuses to draw.
            generator = torch.cuda.default_generators[torch.cuda.current_device()]
            generator.graphsafe_set_state(torch.Generator("cuda").graphsafe_get_state())
            return None
        finally:
            self.is_recording = False
        recording = self._recordings[kind] = _Recording(graph, own)
        return recording


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """A collection may find the recordings of an earlier run, and to free one spoils what is being recorded."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
