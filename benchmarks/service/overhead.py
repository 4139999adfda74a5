"""What the service costs around the training: `python -m benchmarks.service.overhead`, on an otherwise idle machine.

Prints: time to start, memory of each process, POST to the first batch on a warm idle worker, CPU seconds of all
processes beside the trainer, and POST /jobs and GET /jobs/{id} a second against a bare FastAPI and redis handler.
"""

import argparse
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from benchmarks.service.http_load import request_bytes, requests_per_s
from benchmarks.service.processes import cpu_s, has_torch, memory_mb, resident_mb, roles_below
from ninefold import Client

QUEUE_ROOM = 9_000
"""Jobs to post in all: the queue takes 10,000."""
SPEC = {"image_size": 16, "epochs": 1, "promote": "never"}


@contextmanager
def running_service(folder: Path) -> Iterator[tuple[Client, int, float]]:
    """A client of `ninefold up`, its process id, and the seconds that it took to be ready."""
    port = free_port()
    begun = time.monotonic()
    command = [sys.executable, "-m", "ninefold", "up", "--port", str(port), "--data-dir", str(folder)]
    service = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        while not is_ready(port):
            assert service.poll() is None, "the service did not start"
            time.sleep(0.05)
        with Client(f"http://127.0.0.1:{port}") as client:
            yield client, service.pid, time.monotonic() - begun
    finally:
        service.send_signal(signal.SIGINT)
        service.wait(60)


def free_port() -> int:
    """A port that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_ready(port: int) -> bool:
    """Whether every part answers."""
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz").is_success
    except httpx.TransportError:
        return False


def wait_for_spare(client: Client, up: int) -> int:
    """Wait until the worker is idle and its warm spare has imported torch and rests; the spare's process id."""
    while any(worker["state"] != "idle" for worker in client.workers()):
        time.sleep(0.1)
    trainers: list[int] = []
    while not trainers or not has_torch(trainers[0]):
        time.sleep(0.2)
        trainers = [pid for pid, role in roles_below(up).items() if role == "trainer"]
    before = -1.0
    while before != (now := cpu_s(trainers[0])):
        before = now
        time.sleep(1.0)
    return trainers[0]


def print_memory(up: int) -> None:
    """A row for each process."""
    print(f"{'process':<12}{'resident MB':>12}{'with shares MB':>16}{'torch':>8}")
    for pid, role in sorted(roles_below(up).items(), key=lambda item: item[1]):
        torch = "yes" if has_torch(pid) else "no"
        print(f"{role:<12}{resident_mb(pid):>12.0f}{memory_mb(pid):>16.0f}{torch:>8}")
        assert torch == "no" or role in ("trainer", "predictor"), f"{role} has imported torch"


def post_to_training_s(client: Client) -> tuple[float, float]:
    """Seconds from POST to `training` (the first batch enters the network next), and to the end of that batch."""
    begun = time.monotonic()
    job_id = client.submit("digits", **SPEC)["id"]
    entered = 0.0
    for event in client.events(job_id):
        if event.kind == "state" and event.data.get("phase") == "training" and not entered:
            entered = time.monotonic() - begun
        if event.kind == "progress" and entered:
            first_step = time.monotonic() - begun
            break
    client.wait(job_id)
    return entered, first_step


def cpu_of_a_job_s(client: Client, up: int) -> tuple[float, dict[str, float]]:
    """CPU seconds of the trainer, and of each other role, while one job runs and one client watches it."""
    trainer = wait_for_spare(client, up)
    roles = roles_below(up)
    before = {pid: cpu_s(pid) for pid in roles}
    trained = 0.0
    job_id = client.submit("digits", **SPEC | {"epochs": 6})["id"]
    for event in client.events(job_id):
        if event.kind in ("progress", "epoch", "state"):
            trained = max(trained, cpu_s(trainer) - before[trainer])
    others: dict[str, float] = {}
    for pid, role in roles.items():
        if pid != trainer:
            others[role] = others.get(role, 0.0) + cpu_s(pid) - before[pid]
    return trained, others


@contextmanager
def bare_service(redis_url: str) -> Iterator[int]:
    """The yardstick's port."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "benchmarks.service.bare_service:app", "--port", str(port)]
    quiet = ["--no-access-log", "--log-level", "warning"]
    server = subprocess.Popen([*command, *quiet], env={**os.environ, "REDIS_URL": redis_url})
    try:
        while httpx_status(port) == 0:
            time.sleep(0.1)
        yield port
    finally:
        server.terminate()
        server.wait(10)


def httpx_status(port: int) -> int:
    """The status of an unknown path; 0 when nobody listens."""
    try:
        return httpx.get(f"http://127.0.0.1:{port}/nothing").status_code
    except httpx.TransportError:
        return 0


def rates(port: int, count: int) -> tuple[float, float]:
    """POST /jobs and GET /jobs/{id} a second."""
    host = f"127.0.0.1:{port}"
    job_id = httpx.post(f"http://{host}/jobs", json={"dataset": "digits"}).json()["id"]
    post = request_bytes("POST", "/jobs", host, b'{"dataset": "digits"}')
    get = request_bytes("GET", f"/jobs/{job_id}", host)
    return requests_per_s(port, post, count), requests_per_s(port, get, count)


def compare_rates(port: int, up: int, pairs: int) -> None:
    """Ours and the yardstick's in turn, so that a noisy neighbour hits both; the median of the ratios."""
    worker = next(pid for pid, role in roles_below(up).items() if role == "worker")
    api = next(pid for pid, role in roles_below(up).items() if role == "api")
    environment = Path(f"/proc/{api}/environ").read_bytes().decode().split("\0")
    redis_url = next(word.partition("=")[2] for word in environment if word.startswith("REDIS_URL="))
    count = QUEUE_ROOM // pairs
    os.kill(worker, signal.SIGSTOP)  # the jobs are only there to be written and read
    try:
        with bare_service(redis_url) as bare_port:
            measured = [(rates(port, count), rates(bare_port, count)) for _ in range(pairs)]
    finally:
        os.kill(worker, signal.SIGCONT)
    for index, name in enumerate(("POST /jobs", "GET /jobs/{id}")):
        ours = statistics.median(pair[0][index] for pair in measured)
        bare = statistics.median(pair[1][index] for pair in measured)
        ratio = statistics.median(pair[0][index] / pair[1][index] for pair in measured)
        print(f"{name:<16}{ours:>8.0f}/s   bare handler {bare:>6.0f}/s   ratio {ratio:.2f} (bar 0.50)")


def main() -> None:
    """Run every measurement and print it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.service.overhead", description=__doc__)
    parser.add_argument("--jobs", type=int, default=5, help="for POST to first batch")
    parser.add_argument("--pairs", type=int, default=5, help="interleaved pairs of the rates")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running_service(Path(folder)) as (client, up, started_s):
        print(f"start to ready  {started_s:.1f} s")
        client.wait(client.submit("digits", **SPEC)["id"])  # prepares the dataset
        wait_for_spare(client, up)
        print_memory(up)
        times = []
        for _ in range(options.jobs):
            wait_for_spare(client, up)
            times.append(post_to_training_s(client))
        entered, stepped = (statistics.median(column) for column in zip(*times, strict=True))
        print(
            f"POST to first batch {entered:.2f} s (bar 1.00), to its end {stepped:.2f} s; median of {len(times)}"
        )
        trained, others = cpu_of_a_job_s(client, up)
        share = sum(others.values()) / trained
        parts = ", ".join(f"{role} {seconds:.2f}" for role, seconds in others.items())
        print(f"CPU seconds     trainer {trained:.1f}; {parts}: others {share:.1%} (bar 2.0%)")
        compare_rates(int(client.url.rpartition(":")[2]), up, options.pairs)


if __name__ == "__main__":
    main()
