"""Measures how much one Redis carries; prints one table. Takes about ten minutes.

    python -m benchmarks.service.scale [--finished 1000000] [--quick]

Server time is the server's own count (INFO commandstats) of all commands of a call, the median of many calls in the
best of five rounds. CPU is the server's own count (INFO cpu) for each simulated second. Memory is that of MEMORY USAGE;
entries in keys of all jobs count with their share. The finished jobs for backup and garbage collection are copies of one
packed job of two epochs, on a server without an append-only file. The longest command is measured by the clock: on a busy
machine it includes the time in which other programs ran.
"""

import argparse
import os
import platform
from datetime import UTC, datetime

from benchmarks.service.scale.calls import measure_calls
from benchmarks.service.scale.server import MeasuredServer, measured_server
from benchmarks.service.scale.table import HEAD
from benchmarks.service.scale.upkeep import measure_upkeep

_QUICK = {
    "workers": 20,
    "jobs": 60,
    "queued": 200,
    "finished": 300,
    "objects": 200,
    "seconds": 1,
    "watchers": 8,
}


def main() -> None:
    """Measure everything and print each row as soon as it is known."""
    options = _options()
    # One rewrite of the file would use CPU time that no call caused.
    persistent = ("--appendonly", "yes", "--appendfsync", options.appendfsync)
    with measured_server(*persistent, "--auto-aof-rewrite-percentage", "0") as server:
        _print_head(server, options.appendfsync)
        for row in measure_calls(server, options):
            print(row, flush=True)
    with measured_server() as server:
        for row in measure_upkeep(server, options):
            print(row, flush=True)


def _print_head(server: MeasuredServer, appendfsync: str) -> None:
    about = server.redis.info("server")
    version = about.get("valkey_version", about["redis_version"])
    print(
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores, {platform.machine()}, Valkey {version}, "
        f"appendfsync {appendfsync}\n\n{HEAD}",
        flush=True,
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.service.scale",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--workers", type=int, default=1_000, help="live workers, default: %(default)s")
    parser.add_argument("--watchers", type=int, default=300, help="event streams, default: %(default)s")
    parser.add_argument(
        "--api-processes", type=int, default=4, help="readers of the feed, default: %(default)s"
    )
    parser.add_argument(
        "--jobs", type=int, default=10_000, help="jobs for get and list, default: %(default)s"
    )
    parser.add_argument("--queued", type=int, default=100_000, help="jobs for claim, default: %(default)s")
    parser.add_argument(
        "--finished", type=int, default=100_000, help="for backup and gc, default: %(default)s"
    )
    parser.add_argument(
        "--objects", type=int, default=20_000, help="in storage, for backup and gc, default: %(default)s"
    )
    parser.add_argument(
        "--seconds", type=int, default=20, help="simulated, for each CPU row, default: %(default)s"
    )
    parser.add_argument("--appendfsync", default="everysec", help="of the server, default: %(default)s")
    parser.add_argument("--quick", action="store_true", help="small numbers, to try the script in seconds")
    options = parser.parse_args()
    if options.quick:
        parser.set_defaults(**_QUICK)
        options = parser.parse_args()
    return options


if __name__ == "__main__":
    main()
