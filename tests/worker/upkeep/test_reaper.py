"""The reaper takes the jobs of dead workers, and never a job of a live worker."""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
import redis

from tests.conftest import running_valkey
from tests.worker.samples import claim, make_job
from worker.queue.kinds import Lane
from worker.queue.states import Outcome, Status
from worker.queue.store import JobStore
from worker.redis_server.connection import connect
from worker.redis_server.keys import QUEUE, WAKE_UPS
from worker.upkeep.reaper import Reaper

LEASE_S = 10.0
CHECK_EVERY_S = 4.0


@dataclass
class ReaperSimulation:
    """A reaper whose clock the test moves, and the number of wake-ups that it sent."""

    store: JobStore
    now: float = 0.0
    wake_ups: int = 0
    reaper: Reaper = field(init=False)

    def __post_init__(self) -> None:
        self.reaper = Reaper(self.store, LEASE_S, self._count_wake_up, clock=lambda: self.now)

    def _count_wake_up(self, lane: Lane) -> None:
        assert lane is Lane.TRAINING
        self.wake_ups += 1

    def pass_time(self, seconds: float) -> list[str]:
        """Let time pass while the reaper checks regularly; returns the jobs that it took."""
        for _ in range(int(seconds / CHECK_EVERY_S)):
            self.now += CHECK_EVERY_S
            if taken := self.reaper.check():
                return taken
        return self.skip_time(seconds % CHECK_EVERY_S)

    def skip_time(self, seconds: float) -> list[str]:
        """Let time pass, then check once."""
        self.now += seconds
        return self.reaper.check()


@pytest.fixture
def simulation(store: JobStore) -> ReaperSimulation:
    return ReaperSimulation(store)


def test_a_worker_that_stops_renewing_loses_its_job_after_1_1_leases(simulation: ReaperSimulation) -> None:
    simulation.store.submit(make_job())
    job_id, _ = claim(simulation.store)
    assert simulation.pass_time(0) == []
    assert simulation.pass_time(11.0) == []
    assert simulation.wake_ups == 0
    assert simulation.pass_time(0.1) == [job_id]
    assert simulation.wake_ups == 1
    job = simulation.store.get(job_id)
    assert job.status == Status.QUEUED
    assert job.attempts[0].outcome == Outcome.WORKER_LOST


def test_a_reaper_counts_only_from_its_own_first_check(simulation: ReaperSimulation) -> None:
    simulation.store.submit(make_job())
    claim(simulation.store)
    assert simulation.skip_time(1_000) == []
    assert simulation.pass_time(11) == []


def test_a_renewing_worker_keeps_its_job_for_ever(simulation: ReaperSimulation) -> None:
    simulation.store.submit(make_job())
    job_id, attempt_id = claim(simulation.store)
    for _ in range(10):
        assert simulation.pass_time(10.9) == []
        simulation.store.renew(job_id, attempt_id)


def test_a_renewal_between_check_and_reap_keeps_the_job(simulation: ReaperSimulation) -> None:
    simulation.store.submit(make_job())
    job_id, attempt_id = claim(simulation.store)
    seen = simulation.store.watch().leases
    simulation.store.renew(job_id, attempt_id)
    assert not simulation.reaper._take(seen[0])
    assert simulation.store.get(job_id).status == Status.RUNNING


def test_two_reapers_take_a_job_once(store: JobStore) -> None:
    simulations = ReaperSimulation(store), ReaperSimulation(store)
    store.submit(make_job())
    job_id, _ = claim(store)
    assert [simulation.pass_time(0) for simulation in simulations] == [[], []]
    assert [simulation.pass_time(12) for simulation in simulations] == [[job_id], []]
    assert len(store.get(job_id).attempts) == 1


def test_a_new_attempt_gets_a_full_lease(simulation: ReaperSimulation) -> None:
    simulation.store.submit(make_job())
    job_id, attempt_id = claim(simulation.store)
    simulation.pass_time(0)
    simulation.now += 9
    simulation.store.requeue(job_id, attempt_id, Outcome.DRAINED)
    claim(simulation.store)
    assert simulation.pass_time(3) == []
    assert simulation.pass_time(11) == []


def test_a_cancelling_job_of_a_dead_worker_is_cancelled(simulation: ReaperSimulation) -> None:
    simulation.store.submit(make_job())
    job_id, _ = claim(simulation.store)
    simulation.store.cancel(job_id)
    simulation.pass_time(0)
    assert simulation.pass_time(12) == [job_id]
    assert simulation.store.get(job_id).status == Status.CANCELLED


def test_a_wake_up_is_sent_when_jobs_are_queued_and_none_is_pending(simulation: ReaperSimulation) -> None:
    simulation.pass_time(1)
    assert simulation.wake_ups == 0
    simulation.store.submit(make_job())
    simulation.pass_time(1)
    simulation.pass_time(1)
    assert simulation.wake_ups == 2
    simulation.store.redis.rpush(WAKE_UPS, "a wake-up")
    simulation.pass_time(1)
    assert simulation.wake_ups == 2


@pytest.fixture
def pausable() -> Iterator[tuple[JobStore, int]]:
    """Yield a store on its own Valkey server, which may be stopped, and the server's process id."""
    with running_valkey() as url, connect(url, timeout_s=1) as client:
        yield JobStore(client), int(client.info("server")["process_id"])


def test_an_outage_of_redis_expires_no_lease(pausable: tuple[JobStore, int]) -> None:
    store, server = pausable
    simulation = ReaperSimulation(store)
    store.submit(make_job())
    claim(store)
    assert simulation.pass_time(8) == []
    os.kill(server, signal.SIGSTOP)
    try:
        assert simulation.pass_time(1) == []
    finally:
        os.kill(server, signal.SIGCONT)
    assert simulation.skip_time(4) == []
    assert simulation.pass_time(11) == []


def test_a_check_that_fails_for_another_reason_expires_no_lease(simulation: ReaperSimulation) -> None:
    simulation.store.submit(make_job())
    job_id, _ = claim(simulation.store)
    assert simulation.pass_time(8) == []
    simulation.store.redis.set(QUEUE, "not a sorted set")
    with pytest.raises(redis.ResponseError):
        simulation.skip_time(2)
    simulation.store.redis.delete(QUEUE)
    assert simulation.skip_time(3) == []
    assert (
        simulation.skip_time(3) == []
    )  # 12 s after the first check, 3 s after the first check that succeeded again
    assert simulation.pass_time(8.1) == [job_id]


def test_a_reaper_that_was_suspended_itself_takes_no_job_at_once(simulation: ReaperSimulation) -> None:
    simulation.store.submit(make_job())
    job_id, _ = claim(simulation.store)
    assert simulation.pass_time(0) == []
    assert simulation.skip_time(1000.0) == []
    assert simulation.pass_time(11.1) == [job_id]
