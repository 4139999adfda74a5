"""Compares training steps of `fast` on a GPU: kernels launched one by one, and replayed from a CUDA graph.

    python -m benchmarks.speed.steps --device cuda:0

Times whole steps, from augmentation to the weight average, on random images of 32 px in device memory. The two variants
are timed alternately; the medians are printed. On CPUs no graph is recorded, so both columns measure the same code.
"""

import argparse
import statistics
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from benchmarks.speed.measurement import now
from benchmarks.speed.random_images import random_run
from model.device.device import Device, open_device
from model.device.ranks import SINGLE_PROCESS
from model.host.cpus import cpu_quota
from model.training.run_state import initial_state
from model.training.step import TrainingStep

IMAGES = 20_000
ROUNDS = 3


def start(device: Device, batch_size: int) -> TrainingStep:
    """Return the training step of a new run on random images."""
    spec, recipe, data = random_run(device, batch_size, IMAGES)
    state = initial_state(spec, recipe, data, IMAGES // batch_size, device)
    state.network.train()
    return TrainingStep(
        spec=spec, recipe=recipe, total_steps=1000, data=data, state=state, device=device, rank=SINGLE_PROCESS
    )


def milliseconds(step: TrainingStep, batches: Sequence[Tensor], device_name: str) -> float:
    """Return the mean duration of one step."""
    started_at = now(device_name)
    for batch_N in batches:
        step(batch_N, 0.5)
    return 1e3 * (now(device_name) - started_at) / len(batches)


def main() -> None:
    """Print one row for each batch size."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed.steps",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[16, 128, 512])
    parser.add_argument("--steps", type=int, default=50)
    options = parser.parse_args()
    device = open_device(options.device, cpu_quota())
    if options.device != "cpu":
        print(torch.cuda.get_device_name(options.device))
    print(f"{'batch':>6}{'launched ms':>13}{'replayed ms':>13}{'images/s':>10}{'ratio':>7}")
    for batch_size in options.batch_sizes:
        variants = [
            start(variant, batch_size) for variant in (replace(device, uses_cuda_graphs=False), device)
        ]
        order_N = device.pin(torch.randperm(IMAGES))
        batches = torch.split(order_N, batch_size)[: min(options.steps, IMAGES // batch_size)]
        for step in variants:
            milliseconds(step, batches[:5], options.device)
        rounds = [[milliseconds(step, batches, options.device) for step in variants] for _ in range(ROUNDS)]
        launched, replayed = map(statistics.median, zip(*rounds, strict=True))
        rate = 1e3 * batch_size / replayed
        print(f"{batch_size:>6}{launched:>13.2f}{replayed:>13.2f}{rate:>10.0f}{launched / replayed:>7.2f}")


if __name__ == "__main__":
    main()
