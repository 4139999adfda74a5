"""How a worker tells a child process where prepared images are kept, and how many of them."""

import argparse
from pathlib import Path

from model.data.prepared.cache import CacheLimits


def cache_arguments(cache_dir: Path, limits: CacheLimits) -> tuple[str, ...]:
    """Return the arguments of a child process."""
    return (
        *("--cache-dir", str(cache_dir)),
        *("--cache-bytes", str(limits.max_bytes), "--cache-days", str(limits.max_days)),
    )


def add_cache_arguments(parser: argparse.ArgumentParser) -> None:
    """Let a child process take these arguments."""
    parser.add_argument("--cache-dir", type=Path, required=True, help="keeps prepared images")
    parser.add_argument("--cache-bytes", type=int, required=True, help="most bytes of prepared images")
    parser.add_argument("--cache-days", type=float, required=True, help="days that they are kept unused")


def cache_limits(arguments: argparse.Namespace) -> CacheLimits:
    """Return the limits that a child process was given."""
    return CacheLimits(arguments.cache_bytes, arguments.cache_days)
