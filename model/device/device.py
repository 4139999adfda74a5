"""The differences between CPUs and GPUs, in one place: the training loop is the same on both."""

import resource
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor

from model.errors import ModelError


@dataclass(frozen=True)
class Device:
    """A device that holds the network and the images, and how the training loop uses it."""

    torch_device: torch.device
    threads: int
    """CPU threads of this process."""
    steps_between_loss_reads: int
    """The loss is copied to the host after the first step of an epoch, and then only after this many steps each time: on a
    GPU each copy takes time."""
    needs_warm_up: bool
    """The first batch of each image size is slow, while libraries load and cuDNN chooses kernels."""
    uses_cuda_graphs: bool = False
    """Steps are recorded as CUDA graphs and replayed; see `model.device.cuda_graphs`."""
    autocast_dtype: torch.dtype | None = None
    """Data type of mixed-precision training, where it is faster than float32; None: float32 only."""

    def autocast(self) -> AbstractContextManager[object]:
        """Return the context for forward passes: autocast to `autocast_dtype`, or no autocast."""
        return (
            torch.autocast(self.torch_device.type, self.autocast_dtype)
            if self.autocast_dtype
            else nullcontext()
        )

    @property
    def loss_scale(self) -> float:
        """The factor on the loss in the backward pass, so that small gradients do not underflow in float16.

        512 turns the mean over 512 images into their sum, which davidcpage/cifar10-fast minimises when it trains this
        network in float16.
        """
        return 512.0 if self.autocast_dtype is torch.float16 else 1.0

    def place(self, tensor: Tensor) -> Tensor:
        """Copy a tensor to this device."""
        return tensor.to(self.torch_device, non_blocking=True)

    def host_buffer(self, shape: tuple[int, ...]) -> Tensor:
        """Return an uninitialised uint8 tensor in the host's memory, from which `place` copies without waiting."""
        return torch.empty(shape, dtype=torch.uint8, pin_memory=self.torch_device.type == "cuda")

    def pin(self, tensor: Tensor) -> Tensor:
        """Return a tensor of the host such that `place` copies it, or parts of it, without waiting."""
        return tensor.pin_memory() if self.torch_device.type == "cuda" else tensor

    def read_async(self, values: Tensor) -> Callable[[], list[float] | None]:
        """Start copying values to the host; the returned function gives them, or None while the copy is under way.

        Neither waits for the GPU.
        """
        if self.torch_device.type == "cpu":
            return values.tolist
        copy = torch.empty_like(values, device="cpu", pin_memory=True)
        copy.copy_(values, non_blocking=True)
        copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
        copied.record()
        return lambda: copy.tolist() if copied.query() else None  # type: ignore[no-untyped-call]

    def mark(self) -> Callable[[], object] | None:
        """Mark the work launched so far; the returned function waits until it is computed. None on CPUs: it is already."""
        if self.torch_device.type == "cpu":
            return None
        computed = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]
        computed.record()
        return computed.synchronize

    def free_memory_bytes(self) -> int | None:
        """Return the bytes of a GPU's memory that are free; None on CPUs."""
        if self.torch_device.type == "cpu":
            return None
        free: int = torch.cuda.mem_get_info(self.torch_device)[0]
        return free

    def release_memory(self) -> None:
        """Return the caching allocator's unused memory to the GPU, after an allocation failed."""
        if self.torch_device.type == "cuda":
            torch.cuda.empty_cache()

    def peak_memory_mb(self) -> float:
        """Return the peak memory in MB (10⁶ bytes) so far: of this process on CPUs, of its tensors on GPUs."""
        if self.torch_device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.torch_device) / 1e6
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6

    def describe(self) -> dict[str, str]:
        """Return the facts that must be equal for a resumed training to be bit-exact; stored in checkpoint headers."""
        return {"device": self.torch_device.type, "threads": str(self.threads), "torch": torch.__version__}

    def describe_processor(self) -> str:
        """Name the GPU, or the instructions of the CPU that torch uses: others round differently."""
        if self.torch_device.type == "cuda":
            return torch.cuda.get_device_name(self.torch_device)
        return torch.backends.cpu.get_cpu_capability()


_ONEDNN_FAILURES = ("could not create a primitive", "could not execute a primitive")
"""What oneDNN says when it finds no memory for its kernel or its scratchpad."""


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether an allocation failed. For the CPU PyTorch has no exception class of its own, and oneDNN names no cause."""
    return isinstance(error, torch.OutOfMemoryError) or any(
        text in str(error) for text in ("can't allocate memory", *_ONEDNN_FAILURES)
    )


def open_device(name: str, threads: int) -> Device:
    """Set up a device for training.

    Args:
        name: `cpu`, `cuda` or `cuda:0`.
        threads: CPU threads of this process.

    Raises:
        ModelError: this machine does not have the device.
    """
    torch.set_num_threads(threads)
    try:
        torch_device = torch.device(name)
    except RuntimeError as error:
        raise ModelError(f"There is no device {name!r}: use cpu, or a CUDA device such as cuda:0.") from error
    if torch_device.type == "cpu":
        return Device(torch_device, threads, steps_between_loss_reads=1, needs_warm_up=False)
    if torch_device.type != "cuda" or (torch_device.index or 0) >= torch.cuda.device_count():
        raise ModelError(f"The device {name!r} is not there: use cpu, or a machine with a CUDA device.")
    if torch_device.index is not None:
        # Events and CUDA graphs use the current device's stream, which is that of the first GPU by default.
        torch.cuda.set_device(torch_device)
    # Matrix products outside autocast, mainly those of Muon, do not need full float32 precision.
    torch.backends.cuda.matmul.fp32_precision = "tf32"
    # GPUs before Ampere only emulate bfloat16, slower than float32.
    half = torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    return Device(
        torch_device,
        threads,
        steps_between_loss_reads=50,
        needs_warm_up=True,
        uses_cuda_graphs=True,
        autocast_dtype=half,
    )
