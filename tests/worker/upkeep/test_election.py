"""One process leads the upkeep and one is its deputy; a process that no longer renews its role loses it."""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

import pytest
import redis

from tests.conftest import running_valkey
from worker.redis_server.connection import connect
from worker.redis_server.keys import UPKEEP_ROLES
from worker.upkeep.election import EXPIRES_AFTER_S, LEASE_S, Election
from worker.upkeep.roles import Role, RoleStore, Tenure


@dataclass
class Candidates:
    """Processes with one clock, which the test moves."""

    client: redis.Redis
    now: float = 0.0
    _numbers: Iterator[int] = field(default_factory=count)

    def add(self) -> Election:
        election = Election(RoleStore(self.client), clock=lambda: self.now)
        election.process_id = f"host-{next(self._numbers)}"
        return election

    def pass_time(self, seconds: float, *standing: Election, every_s: float = 1.0) -> list[Role | None]:
        """Let time pass while these candidates stand periodically; returns their roles."""
        until = self.now + seconds
        while self.now < until:
            self.now = min(self.now + every_s, until)
            roles = [election.stand() for election in standing]
        return roles


@pytest.fixture
def candidates(redis_client: redis.Redis) -> Candidates:
    return Candidates(redis_client)


def test_the_first_process_leads_the_second_is_deputy_and_others_have_no_role(candidates: Candidates) -> None:
    processes = [candidates.add() for _ in range(4)]
    expected = [Role.LEADER, Role.DEPUTY, None, None]
    assert [process.stand() for process in processes] == expected
    assert candidates.pass_time(10 * LEASE_S, *processes) == expected
    assert [process.is_leader for process in processes] == [True, False, False, False]


def test_the_deputy_leads_when_the_leader_dies_and_another_becomes_deputy(candidates: Candidates) -> None:
    leader, deputy, other = (candidates.add() for _ in range(3))
    candidates.pass_time(2, leader, deputy, other)
    assert candidates.pass_time(EXPIRES_AFTER_S, deputy, other) == [Role.DEPUTY, None]
    assert candidates.pass_time(0.1, deputy, other) == [Role.LEADER, Role.DEPUTY]
    assert candidates.pass_time(2, leader, deputy, other) == [None, Role.LEADER, Role.DEPUTY]


def test_leader_and_deputy_may_die_together(candidates: Candidates) -> None:
    leader, deputy, first, second = (candidates.add() for _ in range(4))
    candidates.pass_time(2, leader, deputy, first, second)
    assert candidates.pass_time(EXPIRES_AFTER_S + 2, first, second) == [Role.LEADER, Role.DEPUTY]


def test_a_process_counts_only_from_its_own_first_read(candidates: Candidates) -> None:
    candidates.add().stand()
    candidates.add().stand()
    candidates.now += 1000
    late = candidates.add()
    assert late.stand() is None
    assert candidates.pass_time(EXPIRES_AFTER_S, late) == [None]
    assert candidates.pass_time(0.1, late) == [Role.LEADER]


def test_a_role_that_was_left_is_taken_at_once(candidates: Candidates) -> None:
    leader, deputy, other = (candidates.add() for _ in range(3))
    candidates.pass_time(1, leader, deputy, other)
    leader.leave()
    assert not leader.is_leader
    assert [deputy.stand(), other.stand()] == [Role.LEADER, Role.DEPUTY]
    leader.leave()
    assert deputy.stand() is Role.LEADER


def test_a_suspended_leader_knows_that_it_may_have_been_replaced(candidates: Candidates) -> None:
    leader, deputy = candidates.add(), candidates.add()
    candidates.pass_time(1, leader, deputy)
    assert candidates.pass_time(LEASE_S, deputy) == [Role.DEPUTY]
    assert not leader.is_leader  # before any other process may lead
    assert candidates.pass_time(1, deputy) == [Role.LEADER]
    assert leader.stand() is Role.DEPUTY


def test_a_process_that_was_suspended_itself_takes_no_role_at_once(candidates: Candidates) -> None:
    """Redis may have been unreachable for everybody meanwhile."""
    leader, deputy = candidates.add(), candidates.add()
    candidates.pass_time(1, leader, deputy)
    candidates.now += 1000
    assert deputy.stand() is Role.DEPUTY
    assert leader.stand() is Role.LEADER


def test_a_repetition_after_a_lost_reply_renews_once(redis_client: redis.Redis) -> None:
    store = RoleStore(redis_client)
    taken = store.hold(Role.LEADER, "me", Tenure())
    assert store.hold(Role.LEADER, "me", Tenure()) == taken
    renewed = store.hold(Role.LEADER, "me", taken)
    assert renewed == Tenure("me", taken.renewals + 1)
    assert store.hold(Role.LEADER, "me", taken) == renewed


def test_of_two_processes_that_see_a_dead_leader_one_takes_the_role(redis_client: redis.Redis) -> None:
    store = RoleStore(redis_client)
    dead = store.hold(Role.LEADER, "dead", Tenure())
    first = store.hold(Role.LEADER, "first", dead)
    assert store.hold(Role.LEADER, "second", dead) == first
    assert store.read()[Role.LEADER].process_id == "first"
    store.leave(Role.LEADER, "second")
    assert store.read()[Role.LEADER] == first


def test_when_redis_loses_the_roles_they_are_taken_again(candidates: Candidates) -> None:
    leader, deputy = candidates.add(), candidates.add()
    candidates.pass_time(1, leader, deputy)
    candidates.client.delete(UPKEEP_ROLES)
    assert [leader.stand(), deputy.stand()] == [Role.LEADER, Role.DEPUTY]


def test_an_outage_of_redis_takes_no_role_away() -> None:
    with running_valkey() as url, connect(url, timeout_s=1) as client:
        server = int(client.info("server")["process_id"])
        candidates = Candidates(client)
        leader, deputy = candidates.add(), candidates.add()
        candidates.pass_time(1, leader, deputy)
        os.kill(server, signal.SIGSTOP)
        try:
            assert candidates.pass_time(4, deputy, every_s=4) == [Role.DEPUTY]
        finally:
            os.kill(server, signal.SIGCONT)
        assert candidates.pass_time(4, deputy) == [Role.DEPUTY]
        assert leader.stand() is Role.LEADER
