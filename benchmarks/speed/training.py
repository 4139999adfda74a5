"""Images a second of the whole training loop, against a straightforward PyTorch script of the same network.

Both train ResNet9 on random images of 32 px: ours with its own loop, augmentation and allocator (jemalloc where it is
installed), the other with torchvision's DataLoader (a worker for each CPU) and v2 transforms, channels_last, default
allocator; on a GPU both with autocast. Runs are interleaved, each in a process of its own; the median ratio of the pairs counts.

    python -m benchmarks.speed.training [--quick | --pairs 3]
    python -m benchmarks.speed.training --device cuda:0 --steps 300

On a GPU take hundreds of steps: a loader's workers make batches ahead while the first, untimed step warms up.
"""
# ruff: noqa: PLC0415, N803 - each side imports torch for itself, after its own settings; shapes in names

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from model.host.allocator import with_allocator
from model.host.cpus import cpu_quota

GFLOP_AN_IMAGE = 2.28
"""Forward and backward, at 32 px."""


def main() -> None:
    """Run the pairs and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="two pairs of a few steps of 128")
    parser.add_argument("--one", choices=sorted(RUNS), help="one run in this process, as JSON")
    parser.add_argument("--pairs", type=int, default=5, help="interleaved; default: %(default)s")
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--batch-size", type=int, default=512)
    parser.add_argument("--device", default="cpu", help="or cuda:0")
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(RUNS[arguments.one](arguments.batch_size, arguments.steps, arguments.device)))
    elif arguments.quick:
        compare(pairs=2, batch_size=128, steps=5, device=arguments.device)
    else:
        compare(arguments.pairs, arguments.batch_size, arguments.steps, arguments.device)


def compare(pairs: int, batch_size: int, steps: int, device: str) -> None:
    """Measure interleaved pairs and print medians, ratio, share of the matrix product's rate and memory."""
    rounds = [{name: measure(name, batch_size, steps, device) for name in RUNS} for _ in range(pairs)]
    allocator = with_allocator(os.environ).get("LD_PRELOAD", "the system's allocator")
    print(
        f"{device}, {allocator}, {cpu_quota()} CPUs, batch {batch_size}, {steps} steps, {pairs} interleaved pairs, medians"
    )
    print(f"{'':12}{'img/s':>8}{'GFLOP/s':>9}{'peak MB':>9}")
    for name in ("ours", "plain"):
        rate = statistics.median(r[name]["images_per_s"] for r in rounds)
        memory = statistics.median(r[name]["peak_mb"] for r in rounds)
        print(f"{name:12}{rate:8.1f}{rate * GFLOP_AN_IMAGE:9.1f}{memory:9.0f}")
    print(f"{'matmul':12}{'':8}{statistics.median(r['matmul']['gflop_per_s'] for r in rounds):9.1f}")
    for what, of in (("images/s", "images_per_s"), ("peak memory", "peak_mb")):
        ratios = [r["ours"][of] / r["plain"][of] for r in rounds]
        print(
            f"ours / plain, {what}: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        )
    shares = [r["ours"]["images_per_s"] * GFLOP_AN_IMAGE / r["matmul"]["gflop_per_s"] for r in rounds]
    print(f"share of matmul: {statistics.median(shares):.0%}")


def measure(name: str, batch_size: int, steps: int, device: str) -> dict[str, float]:
    """One run in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.speed.training", "--one", name]
    command += ["--batch-size", str(batch_size), "--steps", str(steps), "--device", device]
    environment = with_allocator(os.environ) if name == "ours" else None
    said = subprocess.check_output(command, text=True, env=environment)
    answer: dict[str, float] = json.loads(said.splitlines()[-1])
    return answer


def train_ours(batch_size: int, steps: int, device_name: str) -> dict[str, float]:
    """The product's own loop, from augmentation to weight average; the first step is a warm-up."""
    from model.host.cpus import share_cpus

    share_cpus()
    from benchmarks.speed.random_images import random_run
    from model.device.device import open_device
    from model.device.ranks import ALONE
    from model.storage import open_storage
    from model.training.checkpoint import Checkpoints
    from model.training.loop import Loop
    from model.training.reporter import CheckpointSaved, Command, EpochRow, Progress
    from model.training.run_state import start_state

    class Stopwatch:
        started = 0.0
        ended = 0.0

        def phase(self, phase: str) -> None: ...
        def epoch(self, row: EpochRow, is_best: bool) -> None: ...
        def checkpoint(self, saved: CheckpointSaved) -> None: ...
        def rewind(self, epoch: int) -> None: ...
        def gate(self) -> Command:
            return Command.CONTINUE

        def progress(self, progress: Progress) -> None:
            if progress.step in (1, progress.steps):
                self.started, self.ended = self.ended, now(device_name)

    device, storage = open_device(device_name, cpu_quota()), open_storage("file:///tmp")
    spec, recipe, data = random_run(device, batch_size, batch_size * (steps + 1))
    stopwatch = Stopwatch()
    Loop(
        spec=spec,
        recipe=recipe,
        data=data,
        state=start_state(spec, recipe, data, steps + 1, device),
        device=device,
        reporter=stopwatch,
        checkpoints=Checkpoints(storage, "benchmark", spec, device),
        ranks=ALONE,
        epoch_checkpoint_s=float("inf"),
        step_checkpoint_s=float("inf"),
    ).run()
    return result(batch_size * steps, stopwatch.ended - stopwatch.started, device_name)


def train_plain(batch_size: int, steps: int, device_name: str) -> dict[str, float]:
    """What one would write first; the first step is a warm-up."""
    import torch
    from torch.utils.data import DataLoader, Dataset
    from torchvision.transforms import v2

    from benchmarks.speed.random_images import random_images

    torch.set_num_threads(cpu_quota())
    images_NHWC, labels_N = random_images(batch_size * (steps + 1))
    transform = v2.Compose(
        [
            v2.RandomCrop(32, padding=4, padding_mode="reflect"),
            v2.RandomHorizontalFlip(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize((0.5, 0.5, 0.5), (0.25, 0.25, 0.25)),
        ]
    )

    class Images(Dataset[tuple[torch.Tensor, int]]):
        def __len__(self) -> int:
            return len(labels_N)

        def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
            return transform(images_NHWC[index].permute(2, 0, 1)), int(labels_N[index])

    device = torch.device(device_name)
    is_cuda = device.type == "cuda"
    network = plain_network(10).to(memory_format=torch.channels_last).to(device)
    optimizer = torch.optim.SGD(network.parameters(), 0.1, momentum=0.9, weight_decay=5e-4, nesterov=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.5, total_steps=steps + 1)
    criterion = torch.nn.CrossEntropyLoss(label_smoothing=0.2)
    started = ended = 0.0
    loader = DataLoader(Images(), batch_size, shuffle=True, num_workers=cpu_quota(), pin_memory=is_cuda)
    for step, (batch_NCHW, targets_N) in enumerate(loader):
        images_NCHW = batch_NCHW.to(device, memory_format=torch.channels_last, non_blocking=True)
        with torch.autocast(device.type, torch.bfloat16, enabled=is_cuda):
            loss = criterion(network(images_NCHW), targets_N.to(device, non_blocking=True))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step in (0, steps):
            started, ended = ended, now(device_name)
    return result(batch_size * steps, ended - started, device_name)


def plain_network(classes: int) -> Any:
    """ResNet9 as its table is written."""
    from torch import Tensor, nn

    class Residual(nn.Sequential):
        def forward(self, images_NCHW: Tensor) -> Any:
            return images_NCHW + super().forward(images_NCHW)  # type: ignore[no-untyped-call]

    def block(channels_in: int, channels_out: int) -> list[nn.Module]:
        convolution = nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False)
        return [convolution, nn.BatchNorm2d(channels_out), nn.ReLU(inplace=True)]

    return nn.Sequential(
        *block(3, 64),
        *block(64, 128),
        nn.MaxPool2d(2),
        Residual(*block(128, 128), nn.Dropout(0.1), *block(128, 128)),
        *block(128, 256),
        nn.MaxPool2d(2),
        *block(256, 512),
        nn.MaxPool2d(2),
        Residual(*block(512, 512), nn.Dropout(0.1), *block(512, 512)),
        nn.AdaptiveMaxPool2d(1),
        nn.Flatten(),
        nn.Linear(512, classes, bias=False),
    )


def multiply_matrices(batch_size: int, steps: int, device_name: str) -> dict[str, float]:  # noqa: ARG001 - a run's shape
    """The best rate of a product of square matrices: float32 of side 2048 on CPUs, bfloat16 of side 8192 on GPUs."""
    import torch

    torch.set_num_threads(cpu_quota())
    side, kind = (2048, torch.float32) if device_name == "cpu" else (8192, torch.bfloat16)
    left, right = torch.randn(2, side, side, device=device_name, dtype=kind)
    seconds = []
    for _ in range(12):
        started = now(device_name)
        left @ right
        seconds.append(now(device_name) - started)
    return {"gflop_per_s": 2 * side**3 / min(seconds) / 1e9}


def now(device_name: str) -> float:
    """Seconds on the clock, once the device has done all that it was asked for."""
    import torch

    if device_name != "cpu":
        torch.cuda.synchronize(device_name)
    return time.perf_counter()


def result(images: int, seconds: float, device_name: str) -> dict[str, float]:
    """What a run answers; memory is the GPU's, or else this process's without the loader's workers."""
    import torch

    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if device_name != "cpu":
        peak_mb = torch.cuda.max_memory_allocated(device_name) / 1024**2
    return {"images_per_s": images / seconds, "peak_mb": peak_mb}


RUNS: dict[str, Callable[[int, int, str], dict[str, float]]] = {
    "ours": train_ours,
    "plain": train_plain,
    "matmul": multiply_matrices,
}

if __name__ == "__main__":
    main()
