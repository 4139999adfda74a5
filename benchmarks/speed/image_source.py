"""Compares batches of images from a tensor in memory and from the prepared file, with random images.

    python -m benchmarks.speed.image_source --side 32 --images 100000

Each source has a process of its own, which makes batches by turns with the other one; the medians are printed, and what the
images add to the largest resident memory of the process. `--steps` times whole training steps of `fast` instead.
"""

import argparse
import multiprocessing
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import torch

from benchmarks.speed.random_images import random_run
from model.data.prepared.image_file import ImageFile, NewImageFile
from model.data.prepared.images_in_file import ImagesInFile
from model.device.device import Device, open_device
from model.device.ranks import SINGLE_PROCESS
from model.host.cpus import cpu_quota
from model.network.images import Images
from model.training.run_state import initial_state
from model.training.step import TrainingStep

SOURCES = ("memory", "file")


def write_images(path: Path, count: int, side: int) -> None:
    """Write random images."""
    file, random = NewImageFile(path, (count, side, side, 3)), np.random.default_rng(0)
    for row in range(count):
        file.write(row, random.integers(256, size=(side, side, 3), dtype=np.uint8))


def make_batches(source: str, path: Path, batch_size: int, steps: bool, pipe: Connection) -> None:
    """Make a batch of random images at each request and send its seconds; then send the bytes that the images took."""
    device = open_device("cpu", cpu_quota())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    file = ImageFile(path)
    images: Images = ImagesInFile(file, np.arange(len(file)), device)
    if source == "memory":
        images = images[:]
    use: Callable[[torch.Tensor], object] = (
        whole_step(images, batch_size, device) if steps else images.__getitem__
    )
    while pipe.recv():
        batch_N = torch.randperm(len(images))[:batch_size]
        started_at = time.perf_counter()
        use(batch_N)
        pipe.send(time.perf_counter() - started_at)
    pipe.send(1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before))


def whole_step(images: Images, batch_size: int, device: Device) -> Callable[[torch.Tensor], None]:
    """Return a function that makes a training step."""
    spec, recipe, data = random_run(device, batch_size, images.shape[0])
    data = replace(data, train=replace(data.train, images_NHWC=images))
    state = initial_state(spec, recipe, data, images.shape[0] // batch_size, device)
    state.network.train()
    step = TrainingStep(
        spec=spec, recipe=recipe, total_steps=1000, data=data, state=state, device=device, rank=SINGLE_PROCESS
    )
    return partial(step, progress=0.5)


def main() -> None:
    """Print one row for each source."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed.image_source",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--side", type=int, default=32)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--batch-size", type=int, default=512)
    parser.add_argument("--batches", type=int, default=21)
    parser.add_argument("--steps", action="store_true", help="whole training steps, at 32 px")
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "images.npy")
        write_images(path, options.images, options.side)
        pipes = []
        for source in SOURCES:
            pipe, other = context.Pipe()
            arguments = (source, path, options.batch_size, options.steps, other)
            context.Process(target=make_batches, args=arguments, daemon=True).start()
            pipes.append(pipe)
        seconds = [[ask(pipe) for pipe in pipes] for _ in range(options.batches)][1:]
        print(f"{'source':>8}{'ms a batch':>12}{'images/s':>12}{'added MB':>10}")
        for source, pipe, of_source in zip(SOURCES, pipes, zip(*seconds, strict=True), strict=True):
            pipe.send(False)
            median = statistics.median(of_source)
            rate, added = options.batch_size / median, pipe.recv() / 1e6
            print(f"{source:>8}{1e3 * median:>12.1f}{rate:>12.0f}{added:>10.0f}")


def ask(pipe: Connection) -> float:
    """Let a process make one batch; return the seconds."""
    pipe.send(True)
    return float(pipe.recv())


if __name__ == "__main__":
    main()
