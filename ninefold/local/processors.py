"""The number of CPUs and GPUs of this machine, counted without importing torch (which takes seconds)."""

import os
from collections.abc import Mapping
from pathlib import Path


def count_cpus() -> int:
    """Count the CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def count_gpus(environment: Mapping[str, str]) -> int:
    """Count the CUDA devices: those in CUDA_VISIBLE_DEVICES, or all device files of the NVIDIA driver."""
    visible = environment.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return len([device for device in visible.split(",") if device.strip() not in ("", "-1")])
    return len(list(Path("/dev").glob("nvidia[0-9]*")))
