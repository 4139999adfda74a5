"""A machine that was suspended must not train on a lease that ended meanwhile: the lease clock counts in suspend."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from model.host import lease_clock
from tests.worker.kinds.training.test_trainer import LONG_S, TrainerRun
from tests.worker.processes import wait_until
from tests.worker.samples import make_job, make_spec
from tests.worker.worker_context import fixture_command
from worker.kinds.training.messages import Renewed, Staged, Start
from worker.kinds.training.trainer_command import trainer_spawner
from worker.queue.states import Outcome, Status
from worker.queue.store import JobStore

SUSPENDED_AT = 3
SUSPENDED_S = 10_000.0
LONGER_THAN_A_LEASE = 20
"""Epochs of the counting trainer: 4 s."""
SUSPENDED_BEFORE = ("unshare", "--time", "--boottime", "5000", "--fork")
"""Runs a command as on a machine that was suspended for 5000 s since its start; needs root."""


def _may_unshare() -> bool:
    command = [*SUSPENDED_BEFORE, "true"]
    return (
        sys.platform == "linux" and subprocess.run(command, capture_output=True, check=False).returncode == 0
    )


@pytest.fixture
def run() -> Iterator[TrainerRun]:
    spawner = trainer_spawner(fixture_command("suspended_trainer", str(SUSPENDED_AT), str(SUSPENDED_S)))
    run = TrainerRun(spawner.spawn())
    yield run
    run.trainer.kill()
    run.wait_for_exit()
    spawner.close()


def _steps(run: TrainerRun) -> int:
    return sum(line.startswith("step ") for line in run.log)


def test_a_trainer_makes_no_step_after_its_machine_was_suspended_past_the_deadline(
    run: TrainerRun, tmp_path: Path
) -> None:
    run.trainer.send(_start(tmp_path))
    wait_until(lambda: _steps(run) > SUSPENDED_AT)
    time.sleep(1)
    assert _steps(run) == SUSPENDED_AT + 1, "only the step that had begun is completed"
    run.trainer.send(Renewed(deadline=lease_clock.now() + SUSPENDED_S + LONG_S))
    assert run.wait_for(Staged).draft.metrics.epochs == 3


def _start(folder: Path) -> Start:
    return Start(
        job_id="job_1",
        attempt_number=1,
        model_id="mdl_1",
        spec=make_spec(),
        storage=(folder / "storage").as_uri(),
        cache_dir=folder / "cache",
        out_prefix="checkpoints/job_1/1",
        resume_from=None,
        devices=("cpu",),
        threads=1,
        deadline=lease_clock.now() + LONG_S,
    )


@pytest.mark.skipif(not _may_unshare(), reason="changing the clocks of a process needs root on Linux")
def test_worker_and_trainer_read_the_same_clock(store: JobStore, redis_url: str, tmp_path: Path) -> None:
    """The clocks differ on a machine that was suspended: a deadline on one of them would be long past on the other."""
    job_id = store.submit(make_job(epochs=LONGER_THAN_A_LEASE)).job_id
    attempt = [sys.executable, "-m", "tests.worker.fixtures.one_attempt", redis_url, str(tmp_path)]
    outcome = subprocess.check_output([*SUSPENDED_BEFORE, *attempt], text=True, timeout=60)
    assert outcome == Outcome.SUCCEEDED
    assert store.get(job_id).status is Status.SUCCEEDED
