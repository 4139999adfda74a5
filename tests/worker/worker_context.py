"""A worker's bench in the test's own process, with any trainer on it."""

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from worker.attempt.drain import DrainSignal
from worker.kinds.training.supervisor import Ended, Supervisor, WorkerContext
from worker.kinds.training.trainer_process import Spawner, trainer_environment
from worker.kinds.training.warm_standby import WarmStandby
from worker.queue.attempt_messages import Claimed
from worker.queue.ids import new_attempt_id
from worker.queue.states import Outcome
from worker.queue.store import JobStore

COUNTING = ("counting_trainer",)


@contextmanager
def open_worker_context(
    store: JobStore, folder: Path, trainer: tuple[str, ...] = COUNTING, **settings: Any
) -> Iterator[WorkerContext]:
    """A bench whose trainers are a fixture; `trainer` is its module and its arguments."""
    module, *arguments = trainer
    command = (sys.executable, "-m", f"tests.worker.fixtures.{module}", *arguments)
    spawner = Spawner(trainer_environment(os.environ), command)
    spare = WarmStandby(spawner)
    try:
        yield WorkerContext(
            store=store,
            storage_url=(folder / "storage").as_uri(),
            cache_dir=folder / "cache",
            spare=spare,
            draining=DrainSignal(),
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


def run_next(bench: WorkerContext) -> Ended:
    """Claim the next job and run one attempt at it."""
    claimed, attempt_id, asked_at = claim_next(bench.store)
    return Supervisor(bench, claimed, attempt_id, asked_at=asked_at).run()


class BackgroundAttempt:
    """An attempt that runs while the test does something to it."""

    def __init__(self, bench: WorkerContext) -> None:
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
