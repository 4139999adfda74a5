"""Records training steps as CUDA graphs and replays them.

A step launches hundreds of small kernels, which takes the host longer than the GPU needs to run them. Replaying a graph is
a single launch.
"""

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
class _Graph:
    graph: torch.cuda.CUDAGraph
    arguments: tuple[Tensor | float, ...]

    def replay(self, arguments: tuple[Tensor | float, ...]) -> None:
        for recorded, given in zip(self.arguments, arguments, strict=True):
            if isinstance(recorded, Tensor) and isinstance(given, Tensor):
                recorded.copy_(given)
        self.graph.replay()


class CudaGraphs:
    """Calls a function, and replays it as a CUDA graph from the third call with the same signature on.

    The signature is the shapes of the tensor arguments and the values of the numbers. The first call of a signature runs
    normally, the second records the graph and replays it. A graph repeats the same kernels on the same memory, so between
    calls only the contents of tensors (of the arguments and of tensors that the function uses) and the seed of PyTorch's
    generators may change.
    """

    def __init__(self, *, enabled: bool) -> None:
        self._enabled = enabled
        self._graphs: dict[Hashable, _Graph | None] = {}
        self._pool: Any = None
        self.is_recording = False
        """True while the function runs to record its kernels; nothing is computed meanwhile."""

    def call(self, function: Callable[..., None], *arguments: Tensor | float) -> None:
        """Call the function, directly or as a graph. It must be the same function in every call."""
        signature = tuple(a.shape if isinstance(a, Tensor) else a for a in arguments)
        if self._enabled and signature in self._graphs:
            graph = self._graphs[signature] or self._record(signature, function, arguments)
            if graph:
                graph.replay(arguments)
                return
        function(*arguments)
        if self._enabled:
            self._graphs.setdefault(signature)

    def __len__(self) -> int:
        """Return the number of recorded graphs."""
        return sum(graph is not None for graph in self._graphs.values())

    def release(self) -> bool:
        """Delete all graphs, which frees their memory, and record no more. Return False if there were none."""
        if not len(self):
            return False
        self._disable()
        return True

    def _disable(self) -> None:
        self._enabled = False
        self._graphs.clear()

    def _record(
        self, signature: Hashable, function: Callable[..., None], arguments: tuple[Tensor | float, ...]
    ) -> _Graph | None:
        inputs = tuple(a.clone() if isinstance(a, Tensor) else a for a in arguments)
        graph = torch.cuda.CUDAGraph()
        # Graphs never run at the same time and keep nothing between replays, so all share one memory pool.
        self._pool = self._pool or torch.cuda.graph_pool_handle()
        self.is_recording = True
        try:
            with (
                _no_garbage_collection(),
                torch.cuda.graph(graph, self._pool, capture_error_mode="thread_local"),
            ):
                function(*inputs)
        except RuntimeError as error:
            _log.warning(
                "a training step could not be recorded as a CUDA graph, so all further steps run without graphs: %s",
                error,
            )
            self._disable()
            # After a failed recording the generator still believes that it is recorded, and refuses to draw numbers.
            generator = torch.cuda.default_generators[torch.cuda.current_device()]
            generator.graphsafe_set_state(torch.Generator("cuda").graphsafe_get_state())
            return None
        finally:
            self.is_recording = False
        recorded = self._graphs[signature] = _Graph(graph, inputs)
        return recorded


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Disable garbage collection: freeing a CUDA graph of an earlier training invalidates the graph being recorded."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
