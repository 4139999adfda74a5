"""One cluster for all tests that do not start their own; it is repaired before each test."""

from collections.abc import Iterator

import pytest

from tests.chaos.cluster.client import ClusterClient
from tests.chaos.cluster.cluster import Cluster, running_cluster


@pytest.fixture(scope="package")
def shared_cluster() -> Iterator[Cluster]:
    with running_cluster() as cluster:
        yield cluster


@pytest.fixture
def cluster(shared_cluster: Cluster) -> Cluster:
    """Return the cluster of two APIs and two workers, healthy and idle, with an empty history."""
    shared_cluster.wait_until_idle()
    shared_cluster.history.clear()
    return shared_cluster


@pytest.fixture
def client(cluster: Cluster) -> Iterator[ClusterClient]:
    """Yield a client of the cluster."""
    client = ClusterClient(cluster)
    try:
        yield client
    finally:
        client.close()
