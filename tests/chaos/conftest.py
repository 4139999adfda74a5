"""One cluster for all tests that do not start their own; it is repaired before each test."""

from collections.abc import Iterator

import pytest

from tests.chaos.cluster.client import ClusterClient
from tests.chaos.cluster.cluster import Cluster, running_cluster


@pytest.fixture(scope="session")
def session_cluster() -> Iterator[Cluster]:
    with running_cluster() as cluster:
        yield cluster


@pytest.fixture
def cluster(session_cluster: Cluster) -> Cluster:
    """Return the cluster of two APIs and two workers, healthy and idle, with an empty history."""
    session_cluster.wait_until_idle()
    session_cluster.history.clear()
    return session_cluster


@pytest.fixture
def client(cluster: Cluster) -> Iterator[ClusterClient]:
    """Yield a client of the cluster."""
    client = ClusterClient(cluster)
    try:
        yield client
    finally:
        client.close()
