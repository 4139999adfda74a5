"""One cluster for all tests that do not ask for their own, healed before each."""

from collections.abc import Iterator

import pytest

from tests.chaos.cluster import Cluster, running_cluster
from tests.chaos.cluster_client import Customer


@pytest.fixture(scope="session")
def one_cluster() -> Iterator[Cluster]:
    with running_cluster() as cluster:
        yield cluster


@pytest.fixture
def cluster(one_cluster: Cluster) -> Cluster:
    """Two APIs, two workers, whole and idle, with an empty history."""
    one_cluster.become_idle()
    one_cluster.history.forget()
    return one_cluster


@pytest.fixture
def customer(cluster: Cluster) -> Iterator[Customer]:
    """Somebody who uses it."""
    customer = Customer(cluster)
    try:
        yield customer
    finally:
        customer.close()
