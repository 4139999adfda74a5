"""Measures what the service adds around the training, on an otherwise idle machine.

    python -m benchmarks.service.overhead

Prints: time to start; memory of each process; POST to the first batch on a warm idle worker; CPU seconds of all processes
beside the trainer; POST /jobs and GET /jobs/{id} per second, compared with a bare FastAPI and redis-py handler.
"""

import argparse
import os
import signal
import statistics
import tempfile
import time
from pathlib import Path

import httpx

from benchmarks.service.http_load import request_bytes, requests_per_s
from benchmarks.service.processes import cpu_s, has_torch, proportional_mb, resident_mb, roles_below
from benchmarks.service.running import running_bare_service, running_service
from ninefold import Client

POSTED_JOBS = 9_000
"""Jobs posted in total while request rates are measured; the queue accepts 10,000."""
SPEC = {"image_size": 16, "epochs": 1, "promote": "never"}


def wait_for_standby(client: Client, up_pid: int) -> int:
    """Wait until the worker is idle and its warm standby has imported torch and uses no CPU; return its process id."""
    while any(worker["state"] != "idle" for worker in client.workers()):
        time.sleep(0.1)
    trainers: list[int] = []
    while not trainers or not has_torch(trainers[0]):
        time.sleep(0.2)
        trainers = [pid for pid, role in roles_below(up_pid).items() if role == "trainer"]
    before_s = -1.0
    while before_s != (now_s := cpu_s(trainers[0])):
        before_s = now_s
        time.sleep(1.0)
    return trainers[0]


def print_memory(up_pid: int) -> None:
    """Print one row per process; fail when torch is loaded outside trainer and predictor."""
    print(f"{'process':<12}{'resident MB':>12}{'proportional MB':>17}{'torch':>8}")
    for pid, role in sorted(roles_below(up_pid).items(), key=lambda item: item[1]):
        torch = "yes" if has_torch(pid) else "no"
        print(f"{role:<12}{resident_mb(pid):>12.0f}{proportional_mb(pid):>17.0f}{torch:>8}")
        assert torch == "no" or role in ("trainer", "predictor"), f"{role} has imported torch"


def post_to_first_batch_s(client: Client) -> tuple[float, float]:
    """Return the seconds from POST to the phase `training` (the first batch enters the network), and to its end."""
    posted_at = time.monotonic()
    job_id = client.submit("digits", **SPEC)["id"]
    entered_s = 0.0
    for event in client.events(job_id):
        if event.kind == "state" and event.data.get("phase") == "training" and not entered_s:
            entered_s = time.monotonic() - posted_at
        if event.kind == "progress" and entered_s:
            ended_s = time.monotonic() - posted_at
            break
    client.wait(job_id)
    return entered_s, ended_s


def cpu_of_a_job_s(client: Client, up_pid: int) -> tuple[float, dict[str, float]]:
    """Return the CPU seconds of the trainer, and of each other role, while one job runs and one client watches it."""
    trainer = wait_for_standby(client, up_pid)
    roles = roles_below(up_pid)
    before_s = {pid: cpu_s(pid) for pid in roles}
    trainer_s = 0.0
    job_id = client.submit("digits", **SPEC | {"epochs": 6})["id"]
    for event in client.events(job_id):
        if event.kind in ("progress", "epoch", "state"):
            trainer_s = max(trainer_s, cpu_s(trainer) - before_s[trainer])
    others_s: dict[str, float] = {}
    for pid, role in roles.items():
        if pid != trainer:
            others_s[role] = others_s.get(role, 0.0) + cpu_s(pid) - before_s[pid]
    return trainer_s, others_s


def request_rates(port: int, count: int) -> tuple[float, float]:
    """Return POST /jobs and GET /jobs/{id} per second."""
    host = f"127.0.0.1:{port}"
    job_id = httpx.post(f"http://{host}/jobs", json={"dataset": "digits"}).json()["id"]
    post = request_bytes("POST", "/jobs", host, b'{"dataset": "digits"}')
    get = request_bytes("GET", f"/jobs/{job_id}", host)
    return requests_per_s(port, post, count), requests_per_s(port, get, count)


def compare_rates(port: int, up_pid: int, pairs: int) -> None:
    """Measure Ninefold and the bare handler alternately, so that other load hits both; print the median ratios."""
    worker = next(pid for pid, role in roles_below(up_pid).items() if role == "worker")
    count = POSTED_JOBS // pairs
    os.kill(worker, signal.SIGSTOP)  # no job is to run: they are only written and read
    try:
        with running_bare_service(_redis_url(up_pid)) as bare_port:
            measured = [(request_rates(port, count), request_rates(bare_port, count)) for _ in range(pairs)]
    finally:
        os.kill(worker, signal.SIGCONT)
    for index, name in enumerate(("POST /jobs", "GET /jobs/{id}")):
        ninefold = statistics.median(pair[0][index] for pair in measured)
        bare = statistics.median(pair[1][index] for pair in measured)
        ratio = statistics.median(pair[0][index] / pair[1][index] for pair in measured)
        print(f"{name:<16}{ninefold:>8.0f}/s   bare handler {bare:>6.0f}/s   ratio {ratio:.2f} (target 0.50)")


def _redis_url(up_pid: int) -> str:
    api = next(pid for pid, role in roles_below(up_pid).items() if role == "api")
    environment = Path(f"/proc/{api}/environ").read_bytes().decode().split("\0")
    return next(word.partition("=")[2] for word in environment if word.startswith("REDIS_URL="))


def print_start_of_jobs(client: Client, up_pid: int, jobs: int) -> None:
    """Submit jobs one after the other and print the median time to the first batch."""
    times = []
    for _ in range(jobs):
        wait_for_standby(client, up_pid)
        times.append(post_to_first_batch_s(client))
    entered_s, ended_s = (statistics.median(column) for column in zip(*times, strict=True))
    print(
        f"POST to first batch {entered_s:.2f} s (target 1.00), to its end {ended_s:.2f} s; median of {jobs}"
    )


def print_cpu_share(client: Client, up_pid: int) -> None:
    """Print the CPU seconds of each role and the share of all roles but the trainer."""
    trainer_s, others_s = cpu_of_a_job_s(client, up_pid)
    share = sum(others_s.values()) / trainer_s
    each = ", ".join(f"{role} {seconds:.2f}" for role, seconds in others_s.items())
    print(f"CPU seconds     trainer {trainer_s:.1f}; {each}: others {share:.1%} (target 2.0%)")


def main() -> None:
    """Run every measurement and print the results."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.service.overhead",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--jobs", type=int, default=5, help="jobs for POST to first batch")
    parser.add_argument("--pairs", type=int, default=5, help="alternating measurements of the request rates")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        running_service(Path(folder)) as (client, up_pid, started_s),
    ):
        print(f"start to ready  {started_s:.1f} s")
        client.wait(client.submit("digits", **SPEC)["id"])  # prepares the dataset
        wait_for_standby(client, up_pid)
        print_memory(up_pid)
        print_start_of_jobs(client, up_pid, options.jobs)
        print_cpu_share(client, up_pid)
        compare_rates(int(client.url.rpartition(":")[2]), up_pid, options.pairs)


if __name__ == "__main__":
    main()
