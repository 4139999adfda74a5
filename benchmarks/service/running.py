"""Starts what the benchmarks measure: the whole service, one API process, or the bare handler it is compared with."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from ninefold import Client

_POLL_S = 0.05


def free_port() -> int:
    """Return a TCP port of the loopback interface that no process listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_service(data_folder: Path) -> Iterator[tuple[Client, int, float]]:
    """Run `ninefold up`; yield a client, the process id, and the seconds from start to ready."""
    port = free_port()
    started_at = time.monotonic()
    command = [sys.executable, "-m", "ninefold", "up", "--port", str(port), "--data-dir", str(data_folder)]
    service = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        _wait_for_answer(service, f"http://127.0.0.1:{port}/readyz", is_success_needed=True)
        with Client(f"http://127.0.0.1:{port}") as client:
            yield client, service.pid, time.monotonic() - started_at
    finally:
        service.send_signal(signal.SIGINT)
        service.wait(60)


@contextmanager
def running_api(redis_url: str, folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run one `python -m api` without a predictor; yield the process once it answers."""
    environment = {
        **os.environ,
        "REDIS_URL": redis_url,
        "NINEFOLD_STORAGE": (folder / "storage").as_uri(),
        "NINEFOLD_PREDICTOR": "unix:/tmp/nf-none.sock",
        "NINEFOLD_LOG_LEVEL": "error",
    }
    api = subprocess.Popen([sys.executable, "-m", "api", "--port", str(port)], env=environment)
    try:
        _wait_for_answer(api, f"http://127.0.0.1:{port}/healthz")
        yield api
    finally:
        api.kill()
        api.wait()


@contextmanager
def running_bare_service(redis_url: str) -> Iterator[int]:
    """Run `bare_service.py` under uvicorn; yield its port."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "benchmarks.service.bare_service:app", "--port", str(port)]
    quiet = ["--no-access-log", "--log-level", "warning"]
    server = subprocess.Popen([*command, *quiet], env={**os.environ, "REDIS_URL": redis_url})
    try:
        _wait_for_answer(server, f"http://127.0.0.1:{port}/nothing")
        yield port
    finally:
        server.terminate()
        server.wait(10)


def _wait_for_answer(process: subprocess.Popen[bytes], url: str, *, is_success_needed: bool = False) -> None:
    while not _answers(url, is_success_needed):
        assert process.poll() is None, f"{process.args!r} ended before it answered"
        time.sleep(_POLL_S)


def _answers(url: str, is_success_needed: bool) -> bool:
    try:
        return httpx.get(url).is_success or not is_success_needed
    except httpx.TransportError:
        return False
