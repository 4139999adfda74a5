"""Measures event delivery to many watchers of one API process: delay, CPU, memory, and that no event is lost or repeated.

python -m benchmarks.service.events [--watchers 1000] [--rate 100]
"""

import argparse
import asyncio
import random
import signal
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.service.event_watchers import Received, Watcher, loop_factory, watch_during
from benchmarks.service.processes import cpu_s, resident_mb
from benchmarks.service.running import running_api
from benchmarks.service.simulated_job import SimulatedJob
from tests.conftest import running_valkey
from worker.redis_server.connection import connect

_CONNECTING_S = 3
"""Time for all watchers to connect before the first event."""


def feed_readers(redis_url: str) -> int:
    """Count the Redis connections that wait for new entries of the feed (XREAD)."""
    with connect(redis_url) as client:
        return sum(about["cmd"] == "xread" for about in client.client_list())


async def shutdown_s(port: int, job_id: str, watchers: int, api: subprocess.Popen[bytes]) -> float:
    """Return the seconds from SIGTERM to the exit of the API process while `watchers` streams are open."""
    received = Received()
    clients = [Watcher(port, job_id, received) for _ in range(watchers)]
    tasks = [asyncio.create_task(client.run()) for client in clients]
    while not all(client.ids for client in clients):  # noqa: ASYNC110  # one poll for a thousand watchers
        await asyncio.sleep(0.1)
    signalled_at = time.monotonic()
    api.send_signal(signal.SIGTERM)
    await asyncio.to_thread(api.wait)
    taken_s = time.monotonic() - signalled_at
    for task in tasks:
        task.cancel()
    return taken_s


def _measure(options: argparse.Namespace, redis_url: str, api: subprocess.Popen[bytes]) -> None:
    job = SimulatedJob(redis_url, options.port)
    received = Received()
    watchers = [
        Watcher(options.port, job.job_id, received, stay_s=options.stay) for _ in range(options.watchers)
    ]

    def report() -> None:
        time.sleep(_CONNECTING_S)
        started_at, cpu_before_s = time.monotonic(), cpu_s(api.pid)
        job.report_lines(options.seconds, options.rate)
        taken_s = time.monotonic() - started_at
        api_cpu = (cpu_s(api.pid) - cpu_before_s) / taken_s
        print(f"rate             {options.seconds * options.rate / taken_s:.0f} events a second")
        print(f"CPU of the API   {api_cpu:.0%}, {resident_mb(api.pid):.0f} MB resident")
        print(f"feed readers     {feed_readers(redis_url)}")
        job.fail()

    watch_during(report, watchers)
    _print_received(received, watchers, job.event_ids())


def _print_received(received: Received, watchers: list[Watcher], expected: list[bytes]) -> None:
    exact = sum(watcher.ids == expected for watcher in watchers)
    lags = sorted(received.lags_ms)
    print(f"exact            {exact} of {len(watchers)} watchers, {len(expected)} events each")
    print(f"connections      {received.connections}, refused {received.refused}, resets {received.resets}")
    print(
        f"delay            p50 {statistics.median(lags):.0f} ms, p99 {_percentile(lags, 0.99):.0f} ms "
        f"(target 250), worst {lags[-1]:.0f} ms, of {len(lags)} events"
    )


def _percentile(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.service.events",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--watchers", type=int, default=1000, help="event streams, default: %(default)s")
    parser.add_argument("--rate", type=float, default=100, help="events a second, default: %(default)s")
    parser.add_argument("--seconds", type=float, default=30, help="duration, default: %(default)s")
    parser.add_argument(
        "--stay", type=float, default=30, help="mean seconds until a watcher reconnects; 0: never reconnect"
    )
    parser.add_argument("--port", type=int, default=8765)
    return parser.parse_args()


def main() -> None:
    """Measure delivery, then shutdown with open streams; print both."""
    options = _options()
    random.seed(0)
    persistent = ("--appendonly", "yes", "--appendfsync", "always")
    with tempfile.TemporaryDirectory() as folder, running_valkey(*persistent) as redis_url:
        with running_api(redis_url, Path(folder), options.port) as api:
            print(f"watchers         {options.watchers}; idle API {resident_mb(api.pid):.0f} MB resident")
            _measure(options, redis_url, api)
            print(f"afterwards       {resident_mb(api.pid):.0f} MB resident")
        with running_api(redis_url, Path(folder), options.port) as api:
            job_id = SimulatedJob(redis_url, options.port).job_id
            with asyncio.Runner(loop_factory=loop_factory) as runner:
                taken_s = runner.run(shutdown_s(options.port, job_id, options.watchers, api))
            print(f"SIGTERM to exit  {taken_s:.1f} s with {options.watchers} open streams (target 12)")


if __name__ == "__main__":
    main()
