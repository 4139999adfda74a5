"""R12, R13: restarting the workers one after the other loses no step and fails no job; no process is orphaned."""

import pytest

from tests.chaos.cluster.client import ClusterClient
from tests.chaos.cluster.cluster import Cluster
from tests.ninefold.processes import descendants, eventually, is_alive

EXIT_S = 5 * 30
GONE_S = 5 * 5


@pytest.mark.timeout(300)
@pytest.mark.parametrize("rounds", [1, pytest.param(5, marks=pytest.mark.chaos)])
def test_a_rolling_restart_loses_no_step(cluster: Cluster, client: ClusterClient, rounds: int) -> None:
    job_ids = [client.submit(epochs=20 * rounds) for _ in range(3)]
    client.wait_for_epoch(job_ids[0])
    for worker in cluster.workers * rounds:
        worker.terminate()
        assert worker.wait(EXIT_S) == 0
        worker.start()
        eventually(lambda w=worker: cluster.trainers_of(w), 60, "the new worker has a standby trainer")  # type: ignore[misc]
    client.check(within_s=200)
    outcomes = [outcome for job_id in job_ids for outcome in client.outcomes(job_id)]
    assert set(outcomes) == {"drained", "succeeded"}
    assert outcomes.count("succeeded") == len(job_ids)


def test_a_killed_worker_leaves_no_process(cluster: Cluster, client: ClusterClient) -> None:
    job_id = client.submit(epochs=10)
    client.wait_for_epoch(job_id)
    family = descendants(cluster.holder_of(job_id).pid)
    cluster.holder_of(job_id).kill()
    eventually(
        lambda: not any(is_alive(*process) for process in family.items()),
        GONE_S,
        "all its processes are gone",
    )
    client.check()


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
