"""Whether this machine may have a GPU. Imports no torch, which alone can say whether it works."""

from pathlib import Path

_DEVICES = ("nvidiactl", "nvidia0", "dxg", "kfd", "nvhost-gpu", "nvmap")
"""Of NVIDIA's driver, of Windows' Linux, of AMD's driver, and of Jetson."""


def may_have_gpu(devices: Path = Path("/dev")) -> bool:
    """Return whether the driver of a GPU that torch can use has made its device file."""
    return any((devices / name).exists() for name in _DEVICES)
