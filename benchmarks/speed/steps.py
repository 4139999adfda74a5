"""Training steps of `fast` on a GPU, launched kernel by kernel and replayed: `python -m benchmarks.speed.steps --device cuda:0`.

On random images of 32 px that are on the device already; what is timed is all that a step does, from augmentation to the
weight average. Both ways take turns, the medians count. On CPUs nothing is recorded: both columns are the same.
"""

import argparse
import statistics
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from benchmarks.speed.random_images import random_run
from benchmarks.speed.training import now
from model.device.device import Device, open_device
from model.device.ranks import ALONE
from model.host.cpus import cpu_quota
from model.training.run_state import start_state
from model.training.step import Step

IMAGES = 20_000
ROUNDS = 3


def start(device: Device, batch_size: int) -> Step:
    """A run that is ready to make steps."""
    spec, recipe, data = random_run(device, batch_size, IMAGES)
    state = start_state(spec, recipe, data, IMAGES // batch_size, device)
    state.network.train()
    return Step(
        spec=spec, recipe=recipe, total_steps=1000, data=data, state=state, device=device, ranks=ALONE
    )


def milliseconds(step: Step, batches: Sequence[Tensor], device_name: str) -> float:
    """Of one step, in the mean."""
    begun = now(device_name)
    for batch_N in batches:
        step(batch_N, 0.5)
    return 1e3 * (now(device_name) - begun) / len(batches)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.steps", description=__doc__)
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[16, 128, 512])
    parser.add_argument("--steps", type=int, default=50)
    options = parser.parse_args()
    device = open_device(options.device, cpu_quota())
    if options.device != "cpu":
        print(torch.cuda.get_device_name(options.device))
    print(f"{'batch':>6}{'launched ms':>13}{'replayed ms':>13}{'images/s':>10}{'ratio':>7}")
    for batch_size in options.batch_sizes:
        ways = [start(way, batch_size) for way in (replace(device, replays=False), device)]
        order_N = device.place(torch.randperm(IMAGES))
        batches = torch.split(order_N, batch_size)[: min(options.steps, IMAGES // batch_size)]
        for step in ways:
            milliseconds(step, batches[:5], options.device)
        rounds = [[milliseconds(step, batches, options.device) for step in ways] for _ in range(ROUNDS)]
        launched, replayed = map(statistics.median, zip(*rounds, strict=True))
        rate = 1e3 * batch_size / replayed
        print(f"{batch_size:>6}{launched:>13.2f}{replayed:>13.2f}{rate:>10.0f}{launched / replayed:>7.2f}")


if __name__ == "__main__":
    main()
