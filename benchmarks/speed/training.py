"""Compares the speed of Ninefold's training loop with a straightforward PyTorch script of the same network.

    python -m benchmarks.speed.training [--quick | --pairs 3]
    python -m benchmarks.speed.training --device cuda:0 --steps 300

Both train ResNet9 on random images of 32 px: Ninefold with its own loop, augmentation and allocator (jemalloc where it is
installed), the script (plain_script.py) with torchvision's DataLoader and the default allocator. Each run has a process
of its own, the runs alternate, and the median ratio of the pairs is printed.

On a GPU use hundreds of steps: the data loader prepares batches ahead while the first, untimed step warms up.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

from model.host.allocator import add_allocator_settings
from model.host.cpus import cpu_quota, limit_openmp_spinning

GFLOP_PER_IMAGE = 2.28
"""Forward and backward, at 32 px."""
VARIANTS = ("matmul", "ninefold", "plain")
Measurement = dict[str, float]


def main() -> None:
    """Compare, or with `--one` make a single run in this process."""
    options = _options()
    if options.one:
        print(json.dumps(run_here(options.one, options.batch_size, options.steps, options.device)))
    elif options.quick:
        compare(pairs=2, batch_size=128, steps=5, device=options.device)
    else:
        compare(options.pairs, options.batch_size, options.steps, options.device)


def compare(pairs: int, batch_size: int, steps: int, device: str) -> None:
    """Measure all variants alternately; print medians, ratios and the share of the matrix product's rate."""
    rounds = [
        {name: run_in_process(name, batch_size, steps, device) for name in VARIANTS} for _ in range(pairs)
    ]
    allocator = add_allocator_settings(os.environ).get("LD_PRELOAD", "the system's allocator")
    print(
        f"{device}, {allocator}, {cpu_quota()} CPUs, batch {batch_size}, {steps} steps, {pairs} alternating pairs, medians"
    )
    _print_medians(rounds)
    _print_ratios(rounds)


def _print_medians(rounds: list[dict[str, Measurement]]) -> None:
    print(f"{'':12}{'img/s':>8}{'GFLOP/s':>9}{'peak MB':>9}")
    for name in ("ninefold", "plain"):
        rate = statistics.median(r[name]["images_per_s"] for r in rounds)
        memory = statistics.median(r[name]["peak_mb"] for r in rounds)
        print(f"{name:12}{rate:8.1f}{rate * GFLOP_PER_IMAGE:9.1f}{memory:9.0f}")
    print(f"{'matmul':12}{'':8}{statistics.median(r['matmul']['gflop_per_s'] for r in rounds):9.1f}")


def _print_ratios(rounds: list[dict[str, Measurement]]) -> None:
    for title, field in (("images/s", "images_per_s"), ("peak memory", "peak_mb")):
        ratios = [r["ninefold"][field] / r["plain"][field] for r in rounds]
        spread = f"({min(ratios):.2f} to {max(ratios):.2f})"
        print(f"ninefold / plain, {title}: {statistics.median(ratios):.2f} {spread}")
    shares = [r["ninefold"]["images_per_s"] * GFLOP_PER_IMAGE / r["matmul"]["gflop_per_s"] for r in rounds]
    print(f"ninefold / matmul: {statistics.median(shares):.0%}")


def run_in_process(name: str, batch_size: int, steps: int, device: str) -> Measurement:
    """Run one variant in a fresh process; Ninefold's gets its allocator."""
    command = [sys.executable, "-m", "benchmarks.speed.training", "--one", name]
    command += ["--batch-size", str(batch_size), "--steps", str(steps), "--device", device]
    environment = add_allocator_settings(os.environ) if name == "ninefold" else None
    output = subprocess.check_output(command, text=True, env=environment)
    answer: Measurement = json.loads(output.splitlines()[-1])
    return answer


def run_here(name: str, batch_size: int, steps: int, device: str) -> Measurement:
    """Run one variant; its module imports torch, which has to come after `limit_openmp_spinning`."""
    # ruff: noqa: PLC0415 - torch is imported after the settings of the variant
    if name == "matmul":
        from benchmarks.speed.matrix_product import best_gflop_per_s

        return best_gflop_per_s(device)
    if name == "plain":
        from benchmarks.speed import plain_script

        return plain_script.train(batch_size, steps, device)
    limit_openmp_spinning()
    from benchmarks.speed import ninefold_loop

    return ninefold_loop.train(batch_size, steps, device)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed.training",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="two pairs of a few steps of batch 128")
    parser.add_argument("--one", choices=VARIANTS, help="run one variant in this process, print JSON")
    parser.add_argument("--pairs", type=int, default=5, help="alternating pairs; default: %(default)s")
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--batch-size", type=int, default=512)
    parser.add_argument("--device", default="cpu", help="or cuda:0")
    return parser.parse_args()


if __name__ == "__main__":
    main()
