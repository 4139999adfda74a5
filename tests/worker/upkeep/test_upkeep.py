"""The elected process does the upkeep; when it dies, another continues."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import redis

from tests.worker.processes import wait_until
from tests.worker.samples import claim, make_job
from worker.errors import StoreUnavailableError
from worker.queue.states import Outcome, Status
from worker.queue.store import JobStore
from worker.upkeep.election import Election
from worker.upkeep.roles import Role, RoleStore
from worker.upkeep.upkeep import Upkeep, UpkeepTask

LEASE_S = 2.5
"""Of jobs. It is shorter than the lease of a role."""


class UpkeepProcess:
    """A process that does nothing but upkeep."""

    def __init__(self, redis_url: str, storage: Path) -> None:
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.worker.fixtures.upkeep_process",
                redis_url,
                storage.as_uri(),
                str(LEASE_S),
            ]
        )

    def has(self, role: Role, roles: RoleStore) -> bool:
        """Whether Redis says that this process has the role."""
        return f"-{self._process.pid}-" in roles.read()[role].process_id

    def end(self, with_signal: signal.Signals) -> None:
        self._process.send_signal(with_signal)
        self._process.wait(60)


@contextmanager
def upkeep_process(redis_url: str, storage: Path) -> Iterator[UpkeepProcess]:
    process = UpkeepProcess(redis_url, storage)
    try:
        yield process
    finally:
        process.end(signal.SIGKILL)


@pytest.fixture
def roles(redis_client: redis.Redis) -> RoleStore:
    return RoleStore(redis_client)


@pytest.fixture
def elected(
    store: JobStore, roles: RoleStore, redis_url: str, tmp_path: Path
) -> Iterator[tuple[UpkeepProcess, UpkeepProcess]]:
    """A process that leads, and its deputy."""
    with ExitStack() as ended:
        leader = ended.enter_context(upkeep_process(redis_url, tmp_path))
        wait_until(lambda: leader.has(Role.LEADER, roles))
        deputy = ended.enter_context(upkeep_process(redis_url, tmp_path))
        wait_until(lambda: deputy.has(Role.DEPUTY, roles))
        yield leader, deputy


def test_a_dead_workers_job_is_taken_in_time_although_the_leader_died_with_it(
    elected: tuple[UpkeepProcess, UpkeepProcess], store: JobStore, roles: RoleStore
) -> None:
    """Here the leader's role does not expire: the test renews it."""
    leader, _ = elected
    store.submit(make_job())
    job_id, _ = claim(store)
    leader.end(signal.SIGKILL)

    def is_taken() -> bool:
        of_leader = roles.read()[Role.LEADER]
        roles.hold(Role.LEADER, of_leader.process_id, of_leader)
        return store.get(job_id).status is Status.QUEUED

    wait_until(is_taken)
    assert leader.has(Role.LEADER, roles), "the deputy does not wait until the leader's role expires"
    assert store.get(job_id).attempts[0].outcome is Outcome.WORKER_LOST


def test_another_process_leads_after_the_leader_was_killed(
    elected: tuple[UpkeepProcess, UpkeepProcess], roles: RoleStore, redis_url: str, tmp_path: Path
) -> None:
    leader, deputy = elected
    with upkeep_process(redis_url, tmp_path) as third:
        leader.end(signal.SIGKILL)
        wait_until(lambda: deputy.has(Role.LEADER, roles))
        wait_until(lambda: third.has(Role.DEPUTY, roles))


def test_a_leader_that_ends_hands_over(
    elected: tuple[UpkeepProcess, UpkeepProcess], roles: RoleStore
) -> None:
    leader, _ = elected
    leader.end(signal.SIGTERM)
    assert not leader.has(Role.LEADER, roles)


class Counter:
    """A task that counts its runs, and fails the first time."""

    def __init__(self, error: Exception | None = None) -> None:
        self.runs = 0
        self.has_run_twice = threading.Event()
        self._error = error

    def __call__(self) -> None:
        self.runs += 1
        if self.runs > 1:
            self.has_run_twice.set()
        elif self._error:
            raise self._error


@pytest.mark.parametrize("error", [ValueError("a defect"), StoreUnavailableError("Redis is away")])
def test_a_task_that_fails_is_run_again(
    roles: RoleStore, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    quick, slow = Counter(error), Counter(error)
    tasks = [UpkeepTask("be quick", quick), UpkeepTask("be slow", slow, every_s=0.1, is_quick=False)]
    upkeep = Upkeep(Election(roles), tasks)
    upkeep.start()
    try:
        assert quick.has_run_twice.wait(60)
        assert slow.has_run_twice.wait(60)
    finally:
        upkeep.stop()
    assert "could not be quick" in caplog.text
    assert "could not be slow" in caplog.text


def test_the_deputy_runs_only_its_own_tasks(roles: RoleStore) -> None:
    leader = Election(roles)
    leader.stand()
    own, leaders, slow = Counter(), Counter(), Counter()
    tasks = [
        UpkeepTask("watch", own, is_for_deputy=True),
        UpkeepTask("lead", leaders),
        UpkeepTask("be slow", slow, every_s=0.1, is_quick=False),
    ]
    upkeep = Upkeep(Election(roles), tasks)
    upkeep.start()
    try:
        while not own.has_run_twice.wait(0.1):
            leader.stand()
        assert (leaders.runs, slow.runs) == (0, 0)
        assert leaders.has_run_twice.wait(60), "after the leader's role expired it leads"
        assert slow.has_run_twice.wait(60)
    finally:
        upkeep.stop()


def test_a_task_with_a_long_period_is_not_run_at_every_step(roles: RoleStore) -> None:
    often, rarely = Counter(), Counter()
    upkeep = Upkeep(Election(roles), [UpkeepTask("often", often), UpkeepTask("rarely", rarely, every_s=600)])
    upkeep.start()
    try:
        assert often.has_run_twice.wait(60)
    finally:
        upkeep.stop()
    assert rarely.runs == 1
