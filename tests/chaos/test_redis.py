"""R8: Redis may die, have a torn file, or be cut off: every row is recorded once, in order, and new work starts."""

import time

import pytest

from tests.chaos.cluster.client import ClusterClient
from tests.chaos.cluster.cluster import LEASE_S, Cluster
from tests.chaos.steps import quick_with
from tests.ninefold.processes import eventually
from worker.queue.kinds import Kind

START_S = 5 * 10
OUTAGES_S = (0.0, 0.5, 2.0)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", quick_with(Kind.TRAINING))
@pytest.mark.parametrize("deaths", [2, pytest.param(20, marks=pytest.mark.chaos)])
def test_redis_dies_again_and_again(cluster: Cluster, client: ClusterClient, kind: Kind, deaths: int) -> None:
    """A long job or import runs through all deaths, and after each death new work of its kind starts."""
    long = client.start(kind, 200 * deaths)
    client.wait_until_begun(long)
    for death in range(deaths):
        cluster.valkey.kill()
        if death % 2:
            cluster.valkey.tear_tail()
        time.sleep(OUTAGES_S[death % len(OUTAGES_S)])
        cluster.valkey.start()
        short = client.start(kind)
        eventually(lambda item_id=short: client.outcomes(item_id), START_S, "the work starts")  # type: ignore[misc]
    client.check(within_s=300)
    assert client.outcomes(long) == ["succeeded"]


@pytest.mark.chaos  # in every run tests/worker/service/test_worker_process.py has Redis away for longer than a lease
@pytest.mark.parametrize("kind", quick_with(Kind.DATASET_IMPORT))
def test_redis_is_unreachable_for_longer_than_a_lease(
    cluster: Cluster, client: ClusterClient, kind: Kind
) -> None:
    item_id = client.start(kind, 100)
    client.wait_until_begun(item_id)
    cluster.valkey.kill()
    time.sleep(1.5 * LEASE_S)
    cluster.valkey.start()
    client.check()
    assert client.outcomes(item_id) == ["succeeded"]


@pytest.mark.parametrize("kind", quick_with(Kind.TRAINING))
def test_replies_are_lost(cluster: Cluster, client: ClusterClient, kind: Kind) -> None:
    """Requests arrive but their replies do not: each request is repeated and takes effect once."""
    for link in cluster.links.values():
        link.replies_to_lose = 10
    item_ids = [client.start(kind, 25) for _ in range(3)]
    client.check()
    assert [client.status(item_id) for item_id in item_ids] == ["succeeded"] * 3


@pytest.mark.parametrize("kind", quick_with(Kind.DATASET_IMPORT))
def test_connections_break(cluster: Cluster, client: ClusterClient, kind: Kind) -> None:
    item_ids = [client.start(kind, 100) for _ in range(2)]
    for item_id in item_ids:
        client.wait_until_begun(item_id)
    for _ in range(3):
        for link in cluster.links.values():
            link.cut()
        time.sleep(0.5)
        for link in cluster.links.values():
            link.repair()
        time.sleep(0.5)
    client.check()
    assert [client.outcomes(item_id) for item_id in item_ids] == [["succeeded"]] * 2


def test_a_worker_that_could_not_acknowledge_a_wake_up_works_on(
    cluster: Cluster, client: ClusterClient
) -> None:
    """The connection breaks when a worker has received a wake-up: it connects again once it is idle."""
    links = [cluster.links[worker.name] for worker in cluster.workers]
    for link in links:
        link.acknowledgements_to_lose = 10
    short = [client.submit(epochs=1) for _ in links]
    eventually(lambda: all(client.status(one) == "succeeded" for one in short), 60, "the jobs succeed")
    assert any(link.acknowledgements_to_lose < 10 for link in links)
    for link in links:
        link.repair()
    long = [client.submit(epochs=20) for _ in links]
    for item_id in long:
        client.wait_for_epoch(item_id)
    assert {cluster.holder_of(item_id) for item_id in long} == set(cluster.workers)
    client.check()
