"""R9: an API may die at any time: watchers reconnect, and receive every event once over all their connections."""

import pytest

from tests.chaos.cluster.client import ClusterClient
from tests.chaos.cluster.cluster import Cluster
from tests.chaos.steps import quick_with
from worker.queue.kinds import Kind


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("kind", quick_with(Kind.TRAINING))
@pytest.mark.parametrize(("watchers", "deaths"), [(4, 2), pytest.param(50, 8, marks=pytest.mark.chaos)])
def test_every_watcher_receives_every_event_once(
    cluster: Cluster, client: ClusterClient, kind: Kind, watchers: int, deaths: int
) -> None:
    item_id = client.start(kind, 75 * deaths, watchers=watchers)
    client.wait_until_begun(item_id)
    for death in range(deaths):
        cluster.restart_api(death % len(cluster.apis))
    client.check(within_s=180)
    assert client.outcomes(item_id) == ["succeeded"]
