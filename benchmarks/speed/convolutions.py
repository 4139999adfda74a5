"""Forward and back through one convolution on CPUs, torch's own and ours: `python -m benchmarks.speed.convolutions`.

Shapes are those of the network at 32 px. Both ways take turns, the medians count.
"""

import argparse
import statistics
import time

import torch
from torch import Tensor, nn

from model.host.allocator import keep_big_blocks
from model.host.cpus import cpu_quota
from model.network.winograd import winograd_convolution

SHAPES = ((64, 128, 32), (128, 128, 16), (128, 256, 16), (256, 512, 8), (512, 512, 4))
"""Channels in, channels out, side."""


def milliseconds(conv: nn.Conv2d, images_NCHW: Tensor, gradient_NCHW: Tensor, *, is_ours: bool) -> float:  # noqa: N803
    """There and back."""
    begun = time.perf_counter()
    result = winograd_convolution(images_NCHW, conv.weight) if is_ours else conv(images_NCHW)
    torch.autograd.grad(result, [images_NCHW, conv.weight], gradient_NCHW)
    return 1e3 * (time.perf_counter() - begun)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.convolutions", description=__doc__)
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[32, 128, 512])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    keep_big_blocks()
    torch.set_num_threads(cpu_quota())
    print(f"{'images':>6}  {'channels, side':16}{'torch ms':>9}{'ours ms':>9}{'ratio':>7}")
    for batch_size in options.batch_sizes:
        for channels_in, channels_out, side in SHAPES:
            conv = nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False)
            conv = conv.to(memory_format=torch.channels_last)
            images_NCHW, gradient_NCHW = (
                torch.randn(batch_size, channels, side, side).contiguous(memory_format=torch.channels_last)
                for channels in (channels_in, channels_out)
            )
            images_NCHW.requires_grad_()
            rounds = [
                [milliseconds(conv, images_NCHW, gradient_NCHW, is_ours=ours) for ours in (False, True)]
                for _ in range(options.rounds + 1)
            ]
            theirs, ours = map(statistics.median, zip(*rounds[1:], strict=True))
            shape = f"{channels_in} to {channels_out}, {side}"
            print(f"{batch_size:>6}  {shape:16}{theirs:>9.1f}{ours:>9.1f}{theirs / ours:>7.2f}", flush=True)


if __name__ == "__main__":
    main()
