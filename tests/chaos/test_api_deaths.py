"""R9: an API may die at any time: watchers reconnect, and receive every event once over all their connections."""

import pytest

from tests.chaos.cluster.client import ClusterClient
from tests.chaos.cluster.cluster import Cluster
from tests.ninefold.processes import eventually


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("watchers", "deaths"), [(4, 2), pytest.param(50, 8, marks=pytest.mark.chaos)])
def test_every_watcher_receives_every_event_once(
    cluster: Cluster, client: ClusterClient, watchers: int, deaths: int
) -> None:
    job_id = client.submit(epochs=15 * deaths, watchers=watchers)
    client.wait_for_epoch(job_id)
    for death in range(deaths):
        number = death % len(cluster.apis)
        cluster.apis[number].restart()
        eventually(lambda n=number: cluster.serves(n), 60, "the API is back")  # type: ignore[misc]
    client.check(within_s=180)
    assert client.outcomes(job_id) == ["succeeded"]
