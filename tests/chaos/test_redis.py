"""R8: Redis may die, have a torn file, or be cut off: every row is recorded once, in order, and new jobs start."""

import time

import pytest

from tests.chaos.cluster.client import ClusterClient
from tests.chaos.cluster.cluster import LEASE_S, Cluster
from tests.ninefold.processes import eventually

START_S = 5 * 10
OUTAGES_S = (0.0, 0.5, 2.0)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("deaths", [2, pytest.param(20, marks=pytest.mark.chaos)])
def test_redis_dies_again_and_again(cluster: Cluster, client: ClusterClient, deaths: int) -> None:
    """A long job runs through all deaths, and after each death a new job starts."""
    long = client.submit(epochs=40 * deaths)
    client.wait_for_epoch(long)
    for death in range(deaths):
        cluster.valkey.kill()
        if death % 2:
            cluster.valkey.tear_tail()
        time.sleep(OUTAGES_S[death % len(OUTAGES_S)])
        cluster.valkey.start()
        short = client.submit(epochs=1)
        eventually(lambda job_id=short: client.job(job_id)["started_at"], START_S, "the job starts")  # type: ignore[misc]
    client.check(within_s=300)
    assert client.outcomes(long) == ["succeeded"]


def test_redis_is_unreachable_for_longer_than_a_lease(cluster: Cluster, client: ClusterClient) -> None:
    job_id = client.submit(epochs=20)
    client.wait_for_epoch(job_id)
    cluster.valkey.kill()
    time.sleep(1.5 * LEASE_S)
    cluster.valkey.start()
    client.check()
    assert client.outcomes(job_id) == ["succeeded"]


def test_replies_are_lost(cluster: Cluster, client: ClusterClient) -> None:
    """Requests arrive but their replies do not: each request is repeated and takes effect once."""
    for link in cluster.links.values():
        link.replies_to_lose = 10
    job_ids = [client.submit(epochs=5) for _ in range(3)]
    client.check()
    assert [client.job(job_id)["status"] for job_id in job_ids] == ["succeeded"] * 3


def test_connections_break(cluster: Cluster, client: ClusterClient) -> None:
    job_ids = [client.submit(epochs=20) for _ in range(2)]
    for job_id in job_ids:
        client.wait_for_epoch(job_id)
    for _ in range(3):
        for link in cluster.links.values():
            link.cut()
        time.sleep(0.5)
        for link in cluster.links.values():
            link.repair()
        time.sleep(0.5)
    client.check()
    assert [client.outcomes(job_id) for job_id in job_ids] == [["succeeded"]] * 2
