"""Compares forward plus backward time of one convolution on CPUs: torch's and Ninefold's Winograd convolution.

    python -m benchmarks.speed.convolutions

Shapes are those of the network at 32 px. The two convolutions are timed alternately; the medians are printed.
"""

import argparse
import statistics
import time

import torch
from torch import Tensor, nn

from model.host.allocator import restart_with_allocator_settings
from model.host.cpus import cpu_quota
from model.network.winograd import winograd_convolution

SHAPES = ((64, 128, 32), (128, 128, 16), (128, 256, 16), (256, 512, 8), (512, 512, 4))
"""Input channels, output channels, side of the feature map in pixels."""


def milliseconds(conv: nn.Conv2d, images_NCHW: Tensor, gradient_NCHW: Tensor, *, is_winograd: bool) -> float:  # noqa: N803
    """Time one forward and one backward pass."""
    started_at = time.perf_counter()
    result = winograd_convolution(images_NCHW, conv.weight) if is_winograd else conv(images_NCHW)
    torch.autograd.grad(result, [images_NCHW, conv.weight], gradient_NCHW)
    return 1e3 * (time.perf_counter() - started_at)


def main() -> None:
    """Print one row for each batch size and shape."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed.convolutions",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[32, 128, 512])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    restart_with_allocator_settings()
    torch.set_num_threads(cpu_quota())
    print(f"{'images':>6}  {'channels, side':16}{'torch ms':>9}{'Winograd ms':>13}{'ratio':>7}")
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
                [
                    milliseconds(conv, images_NCHW, gradient_NCHW, is_winograd=winograd)
                    for winograd in (False, True)
                ]
                for _ in range(options.rounds + 1)
            ]
            torch_ms, winograd_ms = map(statistics.median, zip(*rounds[1:], strict=True))
            shape = f"{channels_in} to {channels_out}, {side}"
            print(
                f"{batch_size:>6}  {shape:16}{torch_ms:>9.1f}{winograd_ms:>13.1f}{torch_ms / winograd_ms:>7.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
