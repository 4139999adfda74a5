"""A worker's context in the test's own process, with trainers of the test's choice, and attempts that run on it."""

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from worker.attempt.drain import DrainSignal
from worker.kinds.training.spawner import Spawner, trainer_environment
from worker.kinds.training.supervisor import AttemptResult, Supervisor
from worker.kinds.training.warm_standby import WarmStandby
from worker.kinds.training.worker_context import WorkerContext
from worker.queue.attempt_messages import Claimed
from worker.queue.ids import new_attempt_id
from worker.queue.states import Outcome
from worker.queue.store import JobStore

COUNTING_TRAINER = ("counting_trainer",)


@contextmanager
def open_worker_context(
    store: JobStore, folder: Path, trainer: tuple[str, ...] = COUNTING_TRAINER, **settings: Any
) -> Iterator[WorkerContext]:
    """Yield a context whose trainers are a fixture: `trainer` is a module of tests/worker/fixtures and its arguments."""
    module, *arguments = trainer
    command = (sys.executable, "-m", f"tests.worker.fixtures.{module}", *arguments)
    spawner = Spawner(trainer_environment(os.environ), command)
    standby = WarmStandby(spawner)
    try:
        yield WorkerContext(
            store=store,
            storage_url=(folder / "storage").as_uri(),
            cache_dir=folder / "cache",
            standby=standby,
            drain=DrainSignal(),
            devices=("cpu",),
            threads=1,
            **{"lease_s": 3.0, "renew_every_s": 0.1, "stall_timeout_s": 300.0, **settings},
        )
    finally:
        standby.close()
        spawner.close()


def claim_next(store: JobStore) -> tuple[Claimed, str, float]:
    """Claim the next job; returns the claim, the attempt's id, and the monotonic clock before the claim."""
    attempt_id, claim_sent_at = new_attempt_id(), time.monotonic()
    claimed = store.claim("test-host", attempt_id)
    assert claimed is not None
    return claimed, attempt_id, claim_sent_at


def run_next(context: WorkerContext) -> AttemptResult:
    """Claim the next job and run one attempt at it."""
    claimed, attempt_id, claim_sent_at = claim_next(context.store)
    return Supervisor(context, claimed, attempt_id, claim_sent_at=claim_sent_at).run()


class BackgroundAttempt:
    """An attempt at the next job that runs in a thread while the test interferes."""

    def __init__(self, context: WorkerContext) -> None:
        self.claimed, self.attempt_id, claim_sent_at = claim_next(context.store)
        self._result: AttemptResult | None = None
        self._supervisor = Supervisor(context, self.claimed, self.attempt_id, claim_sent_at=claim_sent_at)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        self._result = self._supervisor.run()

    @property
    def is_running(self) -> bool:
        """Whether the attempt has not ended yet."""
        return self._thread.is_alive()

    def outcome(self, within_s: float = 20) -> Outcome:
        """Wait for the end of the attempt and return its outcome."""
        self._thread.join(within_s)
        assert self._result is not None, f"the attempt still runs after {within_s} s"
        return self._result.outcome
