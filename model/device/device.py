"""All that differs between CPUs and GPUs, in one place; the loop is the same on both."""

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
    """Where the network and the images live, and how the loop treats them."""

    torch_device: torch.device
    threads: int
    steps_between_loss_reads: int
    """The loss is read only this often."""
    needs_warm_up: bool
    """The first batch of a size takes long: libraries load, kernels are chosen."""
    uses_cuda_graphs: bool = False
    """Steps are recorded and replayed."""
    autocast_dtype: torch.dtype | None = None
    """What convolutions are calculated in where that is faster than float32."""

    def autocast(self) -> AbstractContextManager[object]:
        """Half precision where it is faster."""
        return (
            torch.autocast(self.torch_device.type, self.autocast_dtype)
            if self.autocast_dtype
            else nullcontext()
        )

    @property
    def loss_scale(self) -> float:
        """What a loss is multiplied by on its way back, so that float16 does not round its gradients to nothing.

        512 makes the mean over 512 images their sum, with which this network was first trained in float16
        (davidcpage/cifar10-fast).
        """
        return 512.0 if self.autocast_dtype is torch.float16 else 1.0

    def place(self, tensor: Tensor) -> Tensor:
        """The tensor on this device."""
        return tensor.to(self.torch_device, non_blocking=True)

    def read_async(self, values: Tensor) -> Callable[[], list[float] | None]:
        """Ask for values; what is returned gives them once they are there, and nobody waits for a GPU meanwhile."""
        if self.torch_device.type == "cpu":
            return values.tolist
        copy = torch.empty_like(values, device="cpu", pin_memory=True)
        copy.copy_(values, non_blocking=True)
        copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
        copied.record()
        return lambda: copy.tolist() if copied.query() else None  # type: ignore[no-untyped-call]

    def release_memory(self) -> None:
        """Give back what the allocator keeps, after a failure to get more."""
        if self.torch_device.type == "cuda":
            torch.cuda.empty_cache()

    def peak_memory_mb(self) -> float:
        """The most that was in use so far: of this process on CPUs, of the device on GPUs."""
        if self.torch_device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.torch_device) / 1e6
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6

    def describe(self) -> dict[str, str]:
        """What a bit-exact replay needs to have in common."""
        return {"device": self.torch_device.type, "threads": str(self.threads), "torch": torch.__version__}


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether there was not enough memory for a tensor; on CPUs torch has no class of its own for it."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def open_device(name: str, threads: int) -> Device:
    """Get a device ready.

    Args:
        name: `cpu`, `cuda` or `cuda:0`.
        threads: of this process, on CPUs.
    """
    torch.set_num_threads(threads)
    torch_device = torch.device(name)
    if torch_device.type == "cpu":
        return Device(torch_device, threads, steps_between_loss_reads=1, needs_warm_up=False)
    if torch_device.type != "cuda" or not torch.cuda.is_available():
        raise ModelError(f"The device {name!r} is not there; use cpu, or a machine with a CUDA device.")
    # What is multiplied in float32 all the same, Muon's products above all, does not need all its digits.
    torch.backends.cuda.matmul.fp32_precision = "tf32"
    # Older GPUs only emulate bfloat16, and are then slower than with float32.
    half = torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    return Device(
        torch_device,
        threads,
        steps_between_loss_reads=50,
        needs_warm_up=True,
        uses_cuda_graphs=True,
        autocast_dtype=half,
    )
