"""The real trainer process, controlled over its pipes as by a supervisor."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from model.artifact.manifest import WEIGHTS_FILE, model_key
from model.data.importing import import_dataset
from model.host import lease_clock
from model.storage.interface import Storage
from model.storage.opening import open_storage
from tests.handwritten import digit_images
from tests.model.tiny_training import TIMINGS
from tests.narrow_processes import NARROW
from tests.worker.processes import is_running, wait_until
from tests.worker.samples import make_job, recipe_of_later_version
from worker.attempt.child_process import ChildProcess
from worker.attempt.messages import DrainCompleted, Failed, Line, PhaseBegun
from worker.kinds.training.messages import (
    CheckpointPut,
    Drain,
    EpochEnded,
    Progressed,
    Ready,
    Renewed,
    Staged,
    Start,
)
from worker.kinds.training.trainer_command import trainer_spawner
from worker.queue.states import Phase

LONG_S = 600.0
START_WITHIN_S = 60.0
"""Importing torch takes seconds, more on a busy machine."""

M = TypeVar("M", bound=Line)


class TrainerRun:
    """A trainer process, and the messages and log lines that it has sent."""

    def __init__(self, trainer: ChildProcess) -> None:
        self.trainer = trainer
        self.messages: list[Line] = []
        self.log: list[str] = []
        self.exit_code: int | None = None
        trainer.listen(self.messages.append, self.log.append, self._note_exit)

    def _note_exit(self, exit_code: int) -> None:
        self.exit_code = exit_code

    def all(self, kind: type[M]) -> list[M]:
        """Return the messages of one kind."""
        return [message for message in self.messages if isinstance(message, kind)]

    def wait_for(self, kind: type[M]) -> M:
        """Wait for a message of one kind and return the first."""
        wait_until(lambda: self.all(kind) or self.exit_code is not None, START_WITHIN_S)
        assert self.all(kind), f"the trainer exited with {self.exit_code}: {self.log[-5:]}"
        return self.all(kind)[0]

    def wait_for_exit(self) -> int:
        """Wait for the exit and return its code."""
        wait_until(lambda: self.exit_code is not None, START_WITHIN_S)
        assert self.exit_code is not None
        return self.exit_code


@pytest.fixture(scope="module", autouse=True)
def narrow() -> Iterator[None]:
    """Train a narrow network: the tests are about messages."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PYTHONPATH", NARROW["PYTHONPATH"])
        yield


@contextmanager
def running_trainer() -> Iterator[TrainerRun]:
    spawner = trainer_spawner()
    try:
        run = TrainerRun(spawner.spawn())
        try:
            yield run
        finally:
            run.trainer.kill()
            run.wait_for_exit()
    finally:
        spawner.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("trainer")


@pytest.fixture(scope="module")
def storage(folder: Path) -> Storage:
    return open_storage((folder / "storage").as_uri())


@pytest.fixture(scope="module")
def dataset(folder: Path, storage: Storage) -> str:
    """Import forty handwritten zeros and forty ones."""
    for label in (0, 1):
        (folder / "source" / f"digit-{label}").mkdir(parents=True)
        for number, image in enumerate(digit_images(label, 40)):
            image.save(folder / "source" / f"digit-{label}" / f"{number}.png")
    return import_dataset(folder / "source", storage, "zeros-and-ones").facts.id


@pytest.fixture(scope="module")
def start(folder: Path, dataset: str) -> Callable[..., Start]:
    def make(attempt_number: int = 1, deadline: float | None = None, **changes: Any) -> Start:
        spec = make_job(dataset=dataset, epochs=2, batch_size=16).spec
        fields = {
            "job_id": "job_1",
            "attempt_number": attempt_number,
            "model_id": f"mdl_{attempt_number}",
            "spec": spec,
            "storage": (folder / "storage").as_uri(),
            "cache_dir": folder / "cache",
            "out_prefix": f"checkpoints/job_1/{attempt_number}",
            "resume_from": None,
            "devices": ["cpu"],
            "threads": 1,
            "deadline": lease_clock.now() + LONG_S if deadline is None else deadline,
        }
        return Start.model_validate(fields | changes)

    return make


@pytest.fixture(scope="module")
def uninterrupted(start: Callable[..., Start]) -> TrainerRun:
    """A training that runs to its end."""
    with running_trainer() as run:
        run.trainer.send(start(1))
        assert run.wait_for_exit() == 0
    return run


def _rows(run: TrainerRun) -> list[dict[str, float | None]]:
    return [message.row.model_dump(exclude=set(TIMINGS)) for message in run.all(EpochEnded)]


def test_a_trainer_reports_a_training_from_ready_to_staged(
    uninterrupted: TrainerRun, storage: Storage
) -> None:
    assert uninterrupted.messages[0] == Ready()
    phases = [message.phase for message in uninterrupted.all(PhaseBegun)]
    assert phases == [Phase.PREPARING_DATA, Phase.TRAINING, Phase.EVALUATING, Phase.PUBLISHING]
    assert [message.row.epoch for message in uninterrupted.all(EpochEnded)] == [1, 2]
    for message in uninterrupted.all(EpochEnded):
        assert message.row.train_loss == float(f"{message.row.train_loss:.7g}")
        assert message.best is None or message.best.val_accuracy == message.row.val_accuracy
    last = uninterrupted.all(Progressed)[-1].progress
    assert (last.epoch, last.fraction, last.eta_s) == (last.epochs, 1.0, 0.0)
    staged = uninterrupted.messages[-1]
    assert isinstance(staged, Staged)
    weights = storage.read_bytes(model_key("mdl_1", WEIGHTS_FILE))
    assert staged.draft.files[WEIGHTS_FILE].sha256 == hashlib.sha256(weights).hexdigest()


def test_a_trainer_waits_past_its_deadline_and_can_be_resumed_after_a_drain(
    start: Callable[..., Start], storage: Storage, uninterrupted: TrainerRun
) -> None:
    with running_trainer() as run:
        run.trainer.send(start(2, deadline=lease_clock.now()))
        wait_until(lambda: PhaseBegun(phase=Phase.TRAINING) in run.messages, START_WITHIN_S)
        time.sleep(1.0)
        assert not run.all(Progressed), "the trainer computed without a lease"
        run.trainer.send(Renewed(deadline=lease_clock.now() + LONG_S))
        run.wait_for(Progressed)
        run.trainer.send(Drain())
        assert run.wait_for_exit() == 0
    assert isinstance(run.messages[-1], DrainCompleted)
    checkpoint = run.all(CheckpointPut)[-1].checkpoint
    with running_trainer() as resumed:
        resumed.trainer.send(start(3, resume_from=checkpoint.key))
        assert resumed.wait_for_exit() == 0
    assert _rows(run) + _rows(resumed) == _rows(uninterrupted)
    first, second = (storage.read_bytes(model_key(f"mdl_{number}", WEIGHTS_FILE)) for number in (1, 3))
    assert first == second


@pytest.mark.chaos  # test_a_job_with_a_recipe_of_a_later_version_fails_with_a_code runs always
def test_a_job_that_cannot_be_trained_fails_with_a_code(start: Callable[..., Start]) -> None:
    with running_trainer() as run:
        run.trainer.send(start(4, spec=make_job(dataset="ds_000000000000000000000000").spec))
        failed = run.wait_for(Failed)
        assert run.wait_for_exit() == 0
    assert failed.code == "dataset_unavailable"


def test_a_trainer_uses_the_recipe_of_its_job_and_not_its_own(
    start: Callable[..., Start], uninterrupted: TrainerRun
) -> None:
    recipe = recipe_of_later_version(batch_norm_momentum=0.5)
    with running_trainer() as run:
        run.trainer.send(start(5, recipe=recipe))
        assert run.wait_for_exit() == 0
    staged = run.messages[-1]
    assert isinstance(staged, Staged)
    assert staged.draft.lineage["recipe"] == recipe.model_dump(mode="json")
    assert _rows(run) != _rows(uninterrupted)
    assert any(
        "as Ninefold 7.5.0 made it" in line and "batch_norm_momentum 0.5 → 0.9" in line for line in run.log
    )


def test_a_job_with_a_recipe_of_a_later_version_fails_with_a_code(start: Callable[..., Start]) -> None:
    with running_trainer() as run:
        run.trainer.send(start(6, recipe=recipe_of_later_version(sharpness=1.0)))
        failed = run.wait_for(Failed)
        assert run.wait_for_exit() == 0
    assert failed.code == "unknown_recipe"
    assert "sharpness: run workers of Ninefold 7.5.0" in failed.message


def test_a_trainer_exits_when_its_supervisor_closes_the_pipe() -> None:
    """Even while it is importing torch."""
    read_fd, write_fd = os.pipe()
    commands_fd, hold_fd = os.pipe()
    trainer = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "worker.kinds.training.trainer",
            "--fd",
            str(write_fd),
            "--parent",
            str(os.getpid()),
        ],
        stdin=commands_fd,
        pass_fds=(write_fd,),
    )
    for fd in (commands_fd, write_fd):
        os.close(fd)
    time.sleep(1)
    assert trainer.poll() is None
    os.close(hold_fd)
    assert trainer.wait(60) == 0
    os.close(read_fd)


def test_the_kernel_kills_a_trainer_with_its_parent() -> None:
    """Its stdin stays open here, so that only the parent-death signal can end the trainer."""
    commands_fd, hold_fd = os.pipe()
    code = (
        "import os, subprocess, sys, time\n"
        "command = [sys.executable, '-m', 'worker.kinds.training.trainer', '--fd', '1', '--parent', str(os.getpid())]\n"
        "trainer = subprocess.Popen(command, stdin=0, stdout=2)\n"
        "print(trainer.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=commands_fd, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as parent:
        assert parent.stdout is not None
        trainer_pid = int(parent.stdout.readline())
        time.sleep(1)
        assert is_running(trainer_pid)
        parent.send_signal(signal.SIGKILL)
    wait_until(lambda: not is_running(trainer_pid))
    os.close(commands_fd)
    os.close(hold_fd)
