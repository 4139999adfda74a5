"""What one measured training reports: images per second and peak memory, on a CPU or a GPU."""

import resource
import time

import torch


def now(device_name: str) -> float:
    """Return the time in seconds, after the device has finished all queued work."""
    if device_name != "cpu":
        torch.cuda.synchronize(device_name)
    return time.perf_counter()


def measurement(images: int, seconds: float, device_name: str) -> dict[str, float]:
    """Return rate and peak memory: GPU memory on a GPU, else this process's, without its data-loader workers."""
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if device_name != "cpu":
        peak_mb = torch.cuda.max_memory_allocated(device_name) / 1024**2
    return {"images_per_s": images / seconds, "peak_mb": peak_mb}
