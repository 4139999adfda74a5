"""The rate of a matrix product, which bounds the rate of a training step."""

import torch

from benchmarks.speed.measurement import now
from model.host.cpus import cpu_quota


def best_gflop_per_s(device_name: str) -> dict[str, float]:
    """Multiply square matrices (float32 of side 2048 on CPUs, bfloat16 of side 8192 on GPUs); return the best rate."""
    torch.set_num_threads(cpu_quota())
    side, kind = (2048, torch.float32) if device_name == "cpu" else (8192, torch.bfloat16)
    left, right = torch.randn(2, side, side, device=device_name, dtype=kind)
    seconds = []
    for _ in range(12):
        started = now(device_name)
        left @ right
        seconds.append(now(device_name) - started)
    return {"gflop_per_s": 2 * side**3 / min(seconds) / 1e9}
