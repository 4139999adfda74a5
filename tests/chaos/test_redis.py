"""R8: Redis may die, be torn, be cut off: every row arrives once and in order, and new jobs start."""

import time

import pytest

from tests.chaos.cluster import LEASE_S, Cluster
from tests.chaos.cluster_client import Customer
from tests.ninefold.processes import eventually

START_S = 5 * 10
AWAY_S = (0.0, 0.5, 2.0)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("deaths", [2, pytest.param(20, marks=pytest.mark.chaos)])
def test_redis_dies_again_and_again(cluster: Cluster, customer: Customer, deaths: int) -> None:
    """A long job runs through all of it, and after each death a new one starts."""
    long = customer.submit(epochs=40 * deaths)
    customer.wait_for_epoch(long)
    for death in range(deaths):
        cluster.valkey.kill()
        if death % 2:
            cluster.valkey.tear_tail()
        time.sleep(AWAY_S[death % len(AWAY_S)])
        cluster.valkey.start()
        short = customer.submit(epochs=1)
        eventually(lambda job_id=short: customer.job(job_id)["started_at"], START_S, "it starts")  # type: ignore[misc]
    customer.assert_kept(within_s=300)
    assert customer.outcomes(long) == ["succeeded"]


def test_redis_is_away_for_longer_than_a_lease(cluster: Cluster, customer: Customer) -> None:
    job_id = customer.submit(epochs=20)
    customer.wait_for_epoch(job_id)
    cluster.valkey.kill()
    time.sleep(1.5 * LEASE_S)
    cluster.valkey.start()
    customer.assert_kept()
    assert customer.outcomes(job_id) == ["succeeded"]


def test_answers_get_lost(cluster: Cluster, customer: Customer) -> None:
    """Requests arrive and their answers do not: each is repeated, and has its effect once."""
    for link in cluster.links.values():
        link.replies_to_lose = 10
    job_ids = [customer.submit(epochs=5) for _ in range(3)]
    customer.assert_kept()
    assert [customer.job(job_id)["status"] for job_id in job_ids] == ["succeeded"] * 3


def test_connections_break(cluster: Cluster, customer: Customer) -> None:
    job_ids = [customer.submit(epochs=20) for _ in range(2)]
    for job_id in job_ids:
        customer.wait_for_epoch(job_id)
    for _ in range(3):
        for link in cluster.links.values():
            link.cut()
        time.sleep(0.5)
        for link in cluster.links.values():
            link.heal()
        time.sleep(0.5)
    customer.assert_kept()
    assert [customer.outcomes(job_id) for job_id in job_ids] == [["succeeded"]] * 2
