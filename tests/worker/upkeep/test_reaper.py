"""The reaper takes the jobs of the dead and never those of the living."""

import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
import redis

from tests.conftest import running_valkey
from tests.worker.processes import wait_until
from tests.worker.samples import claim, make_job
from worker.queue.states import Outcome, Status
from worker.queue.store import JobStore
from worker.redis_server.connection import connect
from worker.redis_server.keys import QUEUE, WAKE_UPS
from worker.upkeep.reaper import Reaper

LEASE_S = 10.0
LOOK_EVERY_S = 4.0


@dataclass
class Night:
    """A reaper whose clock the test moves, and how often it rang."""

    store: JobStore
    now: float = 0.0
    rings: int = 0
    reaper: Reaper = field(init=False)

    def __post_init__(self) -> None:
        self.reaper = Reaper(self.store, LEASE_S, self._ring, clock=lambda: self.now)

    def _ring(self) -> None:
        self.rings += 1

    def tick_after(self, seconds: float) -> list[str]:
        """Let time pass; a reaper that is awake looks again and again."""
        for _ in range(int(seconds / LOOK_EVERY_S)):
            self.now += LOOK_EVERY_S
            if taken := self.reaper.tick():
                return taken
        return self.sleep(seconds % LOOK_EVERY_S)

    def sleep(self, seconds: float) -> list[str]:
        """Let time pass, and look only once."""
        self.now += seconds
        return self.reaper.tick()


@pytest.fixture
def night(store: JobStore) -> Night:
    return Night(store)


def test_a_silent_worker_loses_its_job_after_a_lease_and_a_tenth(night: Night) -> None:
    night.store.submit(make_job())
    job_id, _ = claim(night.store)
    assert night.tick_after(0) == []
    assert night.tick_after(11.0) == []
    assert night.rings == 0
    assert night.tick_after(0.1) == [job_id]
    assert night.rings == 1
    job = night.store.get(job_id)
    assert job.status == Status.QUEUED
    assert job.attempts[0].outcome == Outcome.WORKER_LOST


def test_a_reaper_counts_only_what_it_has_seen_itself(night: Night) -> None:
    night.store.submit(make_job())
    claim(night.store)
    assert night.sleep(1_000) == []
    assert night.tick_after(11) == []


def test_a_renewing_worker_keeps_its_job_for_ever(night: Night) -> None:
    night.store.submit(make_job())
    job_id, attempt_id = claim(night.store)
    for _ in range(10):
        assert night.tick_after(10.9) == []
        night.store.renew(job_id, attempt_id)


def test_a_renewal_between_look_and_grasp_saves_the_job(night: Night) -> None:
    night.store.submit(make_job())
    job_id, attempt_id = claim(night.store)
    seen = night.store.watch().leases
    night.store.renew(job_id, attempt_id)
    assert not night.reaper._take(seen[0])
    assert night.store.get(job_id).status == Status.RUNNING


def test_two_reapers_take_a_job_once(store: JobStore) -> None:
    nights = Night(store), Night(store)
    store.submit(make_job())
    job_id, _ = claim(store)
    assert [night.tick_after(0) for night in nights] == [[], []]
    assert [night.tick_after(12) for night in nights] == [[job_id], []]
    assert len(store.get(job_id).attempts) == 1


def test_a_new_attempt_has_its_whole_lease(night: Night) -> None:
    night.store.submit(make_job())
    job_id, attempt_id = claim(night.store)
    night.tick_after(0)
    night.now += 9
    night.store.requeue(job_id, attempt_id, Outcome.DRAINED)
    claim(night.store)
    assert night.tick_after(3) == []
    assert night.tick_after(11) == []


def test_a_cancelling_job_of_a_dead_worker_is_cancelled(night: Night) -> None:
    night.store.submit(make_job())
    job_id, _ = claim(night.store)
    night.store.cancel(job_id)
    night.tick_after(0)
    assert night.tick_after(12) == [job_id]
    assert night.store.get(job_id).status == Status.CANCELLED


def test_the_bell_is_rung_when_jobs_wait_and_none_lies_there(night: Night) -> None:
    night.tick_after(1)
    assert night.rings == 0
    night.store.submit(make_job())
    night.tick_after(1)
    night.tick_after(1)
    assert night.rings == 2
    night.store.redis.rpush(WAKE_UPS, "a bell")
    night.tick_after(1)
    assert night.rings == 2


@pytest.fixture
def pausable() -> Iterator[tuple[JobStore, int]]:
    """A store on a server of its own that may be stopped, and that server's process id."""
    with running_valkey() as url, connect(url, timeout_s=0.2) as client:
        yield JobStore(client), int(client.info("server")["process_id"])


def test_an_outage_expires_nobody(pausable: tuple[JobStore, int]) -> None:
    store, server = pausable
    night = Night(store)
    store.submit(make_job())
    claim(store)
    assert night.tick_after(8) == []
    os.kill(server, signal.SIGSTOP)
    try:
        assert night.tick_after(1) == []
    finally:
        os.kill(server, signal.SIGCONT)
    assert night.sleep(4) == []
    assert night.tick_after(11) == []


def test_a_look_that_fails_for_another_reason_expires_nobody_either(night: Night) -> None:
    night.store.submit(make_job())
    job_id, _ = claim(night.store)
    assert night.tick_after(8) == []
    night.store.redis.set(QUEUE, "no queue")
    with pytest.raises(redis.ResponseError):
        night.sleep(2)
    night.store.redis.delete(QUEUE)
    assert night.sleep(3) == []
    assert night.sleep(3) == []  # 12 s after it was first seen, 3 s after it could be seen again
    assert night.tick_after(8.1) == [job_id]


def test_a_reaper_goes_on_after_a_look_that_failed(store: JobStore, caplog: pytest.LogCaptureFixture) -> None:
    has_rung, is_stopped = threading.Event(), threading.Event()
    store.redis.set(QUEUE, "no queue")
    reaper = Reaper(store, LEASE_S, has_rung.set)
    thread = threading.Thread(target=reaper.run, args=(is_stopped, 0.01), daemon=True)
    thread.start()
    try:
        wait_until(lambda: "could not look" in caplog.text)
        store.redis.delete(QUEUE)
        store.submit(make_job())
        assert has_rung.wait(10)
    finally:
        is_stopped.set()
        thread.join()


def test_a_reaper_that_was_frozen_itself_takes_nobody_at_once(night: Night) -> None:
    night.store.submit(make_job())
    job_id, _ = claim(night.store)
    assert night.tick_after(0) == []
    assert night.sleep(1000.0) == []
    assert night.tick_after(11.1) == [job_id]
