"""Runs exported networks on the CPU with ONNX Runtime."""
# ruff: noqa: N803 - shapes in names: images_NHWC

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.errors import CorruptArtifactError
from model.export.interface import IMAGES, PROBABILITIES
from model.export.onnx_runtime import errors, onnxruntime

_ERRORS = (
    errors.Fail,
    errors.InvalidArgument,
    errors.InvalidGraph,
    errors.InvalidProtobuf,
    errors.NotImplemented,
    errors.RuntimeException,
)
_OUT_OF_MEMORY = ("allocate memory", "bad_alloc", "bad allocation")
_FATAL = 4
_BATCH_PIXELS = 16 * 32 * 32
"""Larger batches are no faster and need more memory: 1.6 kB per pixel."""


class Engine:
    """One network, ready to run."""

    def __init__(self, graph: bytes, threads: int) -> None:
        """Load a graph.

        Args:
            graph: an ONNX file that refers to no other file.
            threads: that compute.

        Raises:
            CorruptArtifactError: the file is damaged, or no graph that the engine knows.
            MemoryError: memory does not suffice.
        """
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = _FATAL  # errors are raised
        _share_arena()
        options.add_session_config_entry("session.use_env_allocators", "1")
        # Threads that spin while they wait take the CPU from decoding and from other processes: half of the CPU time.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        with _translated_errors():
            self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        self._session._model_bytes = None  # the session would keep the file for a fallback to other devices

    def run(self, images_NHWC: NDArray[np.uint8], outputs: Sequence[str]) -> list[NDArray[np.float32]]:
        """Return these outputs for uint8 images; raises MemoryError."""
        with _translated_errors():
            computed: list[Any] = self._session.run(outputs, {IMAGES: images_NHWC})
        return computed

    def probabilities(self, images_NHWC: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the probabilities of uint8 images as float32 [N, K]; raises MemoryError."""
        batches = small_batches(images_NHWC)
        return np.concatenate([self.run(batch_NHWC, [PROBABILITIES])[0] for batch_NHWC in batches])


def small_batches(images_NHWC: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """Split images into batches, at least one, of so few pixels that computing them needs little memory."""
    size = max(1, _BATCH_PIXELS // (images_NHWC.shape[1] * images_NHWC.shape[2]))
    return [images_NHWC[start : start + size] for start in range(0, max(1, len(images_NHWC)), size)]


@cache
def _share_arena() -> None:
    """Let all networks compute in the same memory: an arena of its own would keep 55 MB or more for each."""
    memory = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    onnxruntime.create_and_register_allocator(memory, None)


@contextmanager
def _translated_errors() -> Iterator[None]:
    try:
        yield
    except _ERRORS as error:
        if any(words in str(error) for words in _OUT_OF_MEMORY):
            raise MemoryError(str(error)) from None
        raise CorruptArtifactError(f"ONNX Runtime cannot run this network: {error}") from error
