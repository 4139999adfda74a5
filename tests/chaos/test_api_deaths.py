"""R9: an API may die at any time: those who watch come back, and together heard every event once."""

import pytest

from tests.chaos.cluster import Cluster
from tests.chaos.cluster_client import Customer
from tests.ninefold.processes import eventually


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("watchers", "deaths"), [(4, 2), pytest.param(50, 8, marks=pytest.mark.chaos)])
def test_every_watcher_hears_every_event_once(
    cluster: Cluster, customer: Customer, watchers: int, deaths: int
) -> None:
    job_id = customer.submit(epochs=15 * deaths, watchers=watchers)
    customer.wait_for_epoch(job_id)
    for death in range(deaths):
        number = death % len(cluster.apis)
        cluster.apis[number].restart()
        eventually(lambda n=number: cluster.serves(n), 60, "the API is back")  # type: ignore[misc]
    customer.assert_kept(within_s=180)
    assert customer.outcomes(job_id) == ["succeeded"]
