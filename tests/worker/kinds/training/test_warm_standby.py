"""The warm standby takes the next job, unless it died."""

import os
import signal
from pathlib import Path

from tests.worker.processes import children_of, is_running, wait_until
from tests.worker.samples import make_job
from tests.worker.worker_context import open_worker_context, run_next
from worker.queue.states import Outcome
from worker.queue.store import JobStore


def test_the_warm_standby_trains_the_next_job(store: JobStore, tmp_path: Path) -> None:
    job_id = store.submit(make_job()).job_id
    with open_worker_context(store, tmp_path) as context:
        context.standby.prepare()
        wait_until(lambda: children_of(os.getpid(), "counting_trainer"))
        (standby_pid,) = children_of(os.getpid(), "counting_trainer")
        assert run_next(context).outcome is Outcome.SUCCEEDED
    assert f"in process {standby_pid}" in store.logs(job_id)[0]


def test_a_dead_standby_is_replaced(store: JobStore, tmp_path: Path) -> None:
    store.submit(make_job())
    with open_worker_context(store, tmp_path) as context:
        context.standby.prepare()
        wait_until(lambda: children_of(os.getpid(), "counting_trainer"))
        (standby_pid,) = children_of(os.getpid(), "counting_trainer")
        os.kill(standby_pid, signal.SIGKILL)
        wait_until(lambda: not is_running(standby_pid))
        assert run_next(context).outcome is Outcome.SUCCEEDED
