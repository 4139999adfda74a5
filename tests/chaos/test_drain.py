"""R12, R13: restarting the workers one after the other loses no step and fails no work; no process is orphaned."""

import pytest

from tests.chaos.cluster.client import ClusterClient
from tests.chaos.cluster.cluster import START_S, Cluster
from tests.chaos.steps import quick_with
from tests.ninefold.processes import descendants, eventually, is_alive
from worker.queue.kinds import Kind

EXIT_S = 5 * 30
GONE_S = 60


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kind", quick_with(Kind.TRAINING))
@pytest.mark.parametrize("rounds", [1, pytest.param(5, marks=pytest.mark.chaos)])
def test_a_rolling_restart_loses_no_step(
    cluster: Cluster, client: ClusterClient, kind: Kind, rounds: int
) -> None:
    """A job continues at its next step; an import, which saves nothing on the way, begins anew."""
    item_ids = [client.start(kind, 100 * rounds) for _ in range(3)]
    client.wait_until_begun(item_ids[0])
    for worker in cluster.workers * rounds:
        worker.terminate()
        assert worker.wait(EXIT_S) == 0
        worker.start()
        eventually(lambda w=worker: cluster.trainers_of(w), START_S, "the new worker has a standby trainer")  # type: ignore[misc]
    client.check(within_s=200)
    outcomes = [outcome for item_id in item_ids for outcome in client.outcomes(item_id)]
    assert set(outcomes) == {"drained", "succeeded"}
    assert outcomes.count("succeeded") == len(item_ids)


@pytest.mark.parametrize("kind", quick_with(Kind.DATASET_IMPORT))
def test_a_drained_worker_hands_its_work_to_the_other(
    cluster: Cluster, client: ClusterClient, kind: Kind
) -> None:
    item_id = client.start(kind, 100)
    client.wait_until_begun(item_id)
    drained = cluster.holder_of(item_id)
    drained.terminate()
    assert drained.wait(EXIT_S) == 0
    client.check()
    assert client.outcomes(item_id) == ["drained", "succeeded"]


@pytest.mark.parametrize("kind", quick_with(Kind.TRAINING))
def test_a_killed_worker_leaves_no_process(cluster: Cluster, client: ClusterClient, kind: Kind) -> None:
    item_id = client.start(kind, 100)
    client.wait_until_begun(item_id)
    family = descendants(cluster.holder_of(item_id).pid)
    cluster.holder_of(item_id).kill()
    eventually(
        lambda: not any(is_alive(*process) for process in family.items()),
        GONE_S,
        "all its processes are gone",
    )
    client.check()


@pytest.mark.chaos
def test_a_killed_idle_worker_leaves_no_standby(cluster: Cluster) -> None:
    worker = cluster.workers[0]
    family = descendants(worker.pid)
    assert len(family) > 1
    worker.kill()
    eventually(
        lambda: not any(is_alive(*process) for process in family.items()),
        GONE_S,
        "all its processes are gone",
    )
