"""A worker's bench in the test's own process, with any trainer on it."""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from worker.attempt.draining import Draining
from worker.kinds.training.supervisor import Bench, Ended, Supervisor
from worker.kinds.training.trainer_process import Spawner, trainer_environment
from worker.kinds.training.warm_standby import Spare
from worker.queue.ids import new_attempt_id
from worker.queue.job import Claimed, Outcome
from worker.queue.store import JobStore

COUNTING = ("counting",)


@contextmanager
def open_bench(
    store: JobStore, folder: Path, trainer: tuple[str, ...] = COUNTING, **settings: Any
) -> Iterator[Bench]:
    """A bench whose trainers are a fixture; `trainer` is its module and its arguments."""
    module, *arguments = trainer
    command = (sys.executable, "-m", f"tests.worker.fixtures.{module}", *arguments)
    spawner = Spawner(trainer_environment(os.environ), command)
    spare = Spare(spawner)
    try:
        yield Bench(
            store=store,
            storage_url=(folder / "storage").as_uri(),
            cache_dir=folder / "cache",
            spare=spare,
            draining=Draining(),
            devices=("cpu",),
            threads=1,
            **{"lease_s": 3.0, "renew_every_s": 0.1, "stall_timeout_s": 300.0, **settings},
        )
    finally:
        spare.close()
        spawner.close()


def claim_next(store: JobStore) -> tuple[Claimed, str, float]:
    attempt_id, asked_at = new_attempt_id(), time.monotonic()
    claimed = store.claim("test-host", attempt_id)
    assert claimed is not None
    return claimed, attempt_id, asked_at


def run_next(bench: Bench) -> Ended:
    """Claim the next job and run one attempt at it."""
    claimed, attempt_id, asked_at = claim_next(bench.store)
    return Supervisor(bench, claimed, attempt_id, asked_at=asked_at).run()


class Background:
    """An attempt that runs while the test does something to it."""

    def __init__(self, bench: Bench) -> None:
        self.claimed, self.attempt_id, asked_at = claim_next(bench.store)
        self._ended: Ended | None = None
        supervisor = Supervisor(bench, self.claimed, self.attempt_id, asked_at=asked_at)
        self._thread = threading.Thread(target=lambda: self._keep(supervisor.run()))
        self._thread.start()

    def _keep(self, ended: Ended) -> None:
        self._ended = ended

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._thread.is_alive()

    def outcome(self, within_s: float = 20) -> Outcome:
        """How it ended."""
        self._thread.join(within_s)
        assert self._ended is not None, f"the attempt still runs after {within_s} s"
        return self._ended.outcome


def wait_until(is_so: Callable[[], Any], within_s: float = 20) -> None:
    """Poll until it is so."""
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline, f"not so within {within_s} s"
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def children_of(pid: int, word: str) -> list[int]:
    """The running children of a process whose command line has this word."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    children = [int(child) for task in tasks for child in task.read_text().split()]
    return [child for child in children if is_running(child) and word in _command_of(child)]


def _command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except FileNotFoundError:
        return ""
