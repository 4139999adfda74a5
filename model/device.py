"""All that differs between CPUs and GPUs, in one place; the loop is the same on both."""

import resource
import sys
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
    steps_between_looks: int
    """Reading the loss makes the host wait for a GPU, so it is read only this often."""

    def autocast(self) -> AbstractContextManager[object]:
        """Half precision where it is faster."""
        if self.torch_device.type == "cpu":
            return nullcontext()
        half = torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
        return torch.autocast("cuda", half, enabled=half is not torch.float32)

    def place(self, tensor: Tensor) -> Tensor:
        """The tensor on this device."""
        return tensor.to(self.torch_device, non_blocking=True)

    def peak_memory_mb(self) -> float:
        """The most that was in use so far: of this process on CPUs, of the device on GPUs."""
        if self.torch_device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.torch_device) / 1e6
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6

    def describe(self) -> dict[str, str]:
        """What a bit-exact replay needs to have in common."""
        return {"device": self.torch_device.type, "threads": str(self.threads), "torch": torch.__version__}


def open_device(name: str, threads: int) -> Device:
    """Get a device ready.

    Args:
        name: `cpu`, `cuda` or `cuda:0`.
        threads: of this process, on CPUs.
    """
    torch.set_num_threads(threads)
    torch_device = torch.device(name)
    if torch_device.type == "cpu":
        return Device(torch_device, threads, steps_between_looks=1)
    if torch_device.type != "cuda" or not torch.cuda.is_available():
        raise ModelError(f"The device {name!r} is not there; use cpu, or a machine with a CUDA device.")
    return Device(torch_device, threads, steps_between_looks=50)
