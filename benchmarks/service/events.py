"""Many watchers of one job on one API process: how late they hear, what that costs, and whether it is exact.

Run it as `python -m benchmarks.service.events`.
"""

import argparse
import asyncio
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from benchmarks.service.event_watchers import Heard, Watcher, loop_factory, watch_while
from benchmarks.service.processes import cpu_s, resident_mb
from tests.conftest import running_valkey
from worker.queue.ids import new_attempt_id
from worker.queue.job import Changes, JobError, Outcome, Progress
from worker.queue.store import JobStore
from worker.redis_server import keys as redis_keys
from worker.redis_server.connection import connect


@contextmanager
def running_api(redis_url: str, folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """One `python -m api` that answers."""
    environment = {
        **os.environ,
        "REDIS_URL": redis_url,
        "NINEFOLD_STORAGE": (folder / "storage").as_uri(),
        "NINEFOLD_PREDICTOR": "unix:/tmp/nf-none.sock",
        "NINEFOLD_LOG_LEVEL": "error",
    }
    api = subprocess.Popen([sys.executable, "-m", "api", "--port", str(port)], env=environment)
    try:
        while True:
            try:
                httpx.get(f"http://127.0.0.1:{port}/healthz")
                break
            except httpx.TransportError:
                assert api.poll() is None
                time.sleep(0.05)
        yield api
    finally:
        api.kill()
        api.wait()


class Happenings:
    """A job at which something happens so many times a second, as a worker would report it."""

    def __init__(self, redis_url: str, port: int) -> None:
        answer = httpx.post(f"http://127.0.0.1:{port}/jobs", json={"dataset": "digits", "epochs": 1})
        self.job_id: str = answer.raise_for_status().json()["id"]
        self._store = JobStore(connect(redis_url))
        self._attempt_id = new_attempt_id()
        self._seq = 0
        claimed = self._store.claim("bench:1", self._attempt_id)
        assert claimed is not None

    def go_on(self, seconds: float, per_s: float) -> None:
        """Report, evenly spaced."""
        begun = time.monotonic()
        count = int(seconds * per_s)
        for number in range(count):
            time.sleep(max(0.0, begun + number / per_s - time.monotonic()))
            if number % per_s == 0:
                self._store.renew(self.job_id, self._attempt_id)
            self._seq += 1
            progress = Progress(epoch=self._seq, epochs=10**6, fraction=0.5, images_per_s=1e4, eta_s=60.0)
            self._store.report(self.job_id, self._attempt_id, self._seq, Changes(progress=progress))

    def log(self, count: int, line: str) -> None:
        """Report so many times a line that the trainer wrote, as fast as can be."""
        for _ in range(count):
            self._seq += 1
            self._store.report(self.job_id, self._attempt_id, self._seq, Changes(log_lines=(line,)))

    def end(self) -> None:
        """The job fails."""
        error = JobError(code="training_diverged", message="The loss was not finite.")
        self._store.finish(self.job_id, self._attempt_id, Outcome.FAILED, error)

    def request(self, last_id: bytes = b"") -> bytes:
        """What a client asks to watch this job."""
        resumed = b"Last-Event-ID: %s\r\n" % last_id if last_id else b""
        return b"GET /jobs/%s/events HTTP/1.1\r\nHost: 127.0.0.1\r\n%s\r\n" % (self.job_id.encode(), resumed)

    def ids(self) -> list[bytes]:
        """Every event's id as the record has it."""
        entries = self._store.redis.xrange(redis_keys.EVENTS + self.job_id)
        return [event_id.encode() for event_id, _ in entries]  # type: ignore[union-attr]


def feed_readers(redis_url: str) -> int:
    """How many connections wait for the feed."""
    with connect(redis_url) as client:
        return sum(about["cmd"] == "xread" for about in client.client_list())


def _percentile(lags: list[float], share: float) -> float:
    return lags[min(len(lags) - 1, int(share * len(lags)))]


def _print(heard: Heard, watchers: list[Watcher], expected: list[bytes]) -> None:
    exact = sum(watcher.ids == expected for watcher in watchers)
    lags = sorted(heard.lags_ms)
    print(f"exact            {exact} of {len(watchers)} watchers, {len(expected)} events each")
    print(f"connections      {heard.connections}, refused {heard.refused}, resets {heard.resets}")
    print(
        f"lag              p50 {statistics.median(lags):.0f} ms, p99 {_percentile(lags, 0.99):.0f} ms (bar 250), "
        f"worst {lags[-1]:.0f} ms, of {len(lags)}"
    )


def _measure(options: argparse.Namespace, redis_url: str, api: subprocess.Popen[bytes]) -> None:
    happenings = Happenings(redis_url, options.port)
    heard = Heard()
    watchers = [
        Watcher(options.port, happenings.job_id, heard, stay_s=options.stay) for _ in range(options.watchers)
    ]

    def happen() -> None:
        time.sleep(3)
        begun, before = time.monotonic(), cpu_s(api.pid)
        happenings.go_on(options.seconds, options.rate)
        taken = time.monotonic() - begun
        print(f"rate             {options.seconds * options.rate / taken:.0f} events a second")
        print(
            f"CPU of the API   {(cpu_s(api.pid) - before) / taken:.0%}, {resident_mb(api.pid):.0f} MB resident"
        )
        print(f"feed readers     {feed_readers(redis_url)}")
        happenings.end()

    watch_while(happen, watchers)
    _print(heard, watchers, happenings.ids())


async def end_s(port: int, job_id: str, count: int, api: subprocess.Popen[bytes]) -> float:
    """Seconds from SIGTERM to the end of the process while so many watch."""
    heard = Heard()
    watchers = [Watcher(port, job_id, heard) for _ in range(count)]
    tasks = [asyncio.create_task(watcher.run()) for watcher in watchers]
    while not all(watcher.ids for watcher in watchers):  # noqa: ASYNC110  # a thousand of them, polled by one
        await asyncio.sleep(0.1)
    begun = time.monotonic()
    api.send_signal(signal.SIGTERM)
    await asyncio.to_thread(api.wait)
    taken = time.monotonic() - begun
    for task in tasks:
        task.cancel()
    return taken


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.service.events", description=__doc__)
    parser.add_argument("--watchers", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=100, help="events a second")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--stay", type=float, default=30, help="a watcher goes away about so often; 0: never")
    parser.add_argument("--port", type=int, default=8765)
    options = parser.parse_args()
    random.seed(0)
    persistent = ("--appendonly", "yes", "--appendfsync", "always")
    with tempfile.TemporaryDirectory() as folder, running_valkey(*persistent) as redis_url:
        with running_api(redis_url, Path(folder), options.port) as api:
            print(f"watchers         {options.watchers}; idle API {resident_mb(api.pid):.0f} MB resident")
            _measure(options, redis_url, api)
            print(f"afterwards       {resident_mb(api.pid):.0f} MB resident")
        with running_api(redis_url, Path(folder), options.port) as api:
            job_id = Happenings(redis_url, options.port).job_id
            with asyncio.Runner(loop_factory=loop_factory) as runner:
                taken = runner.run(end_s(options.port, job_id, options.watchers, api))
            print(f"SIGTERM          {taken:.1f} s to the end with {options.watchers} open streams (bar 12)")


if __name__ == "__main__":
    main()
