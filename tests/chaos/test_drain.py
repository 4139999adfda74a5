"""R12, R13: workers restarted one after the other lose no step and fail nothing; none leaves an orphan."""

import pytest

from tests.chaos.cluster import Cluster
from tests.chaos.cluster_client import Customer
from tests.ninefold.processes import descendants, eventually, is_alive

EXIT_S = 5 * 30
GONE_S = 5 * 5


@pytest.mark.timeout(300)
@pytest.mark.parametrize("rounds", [1, pytest.param(5, marks=pytest.mark.chaos)])
def test_a_rolling_restart_loses_no_step(cluster: Cluster, customer: Customer, rounds: int) -> None:
    job_ids = [customer.submit(epochs=20 * rounds) for _ in range(3)]
    customer.wait_for_epoch(job_ids[0])
    for worker in cluster.workers * rounds:
        worker.ask_to_end()
        assert worker.wait(EXIT_S) == 0
        worker.start()
        eventually(lambda w=worker: cluster.trainers_of(w), 60, "the next one is there")  # type: ignore[misc]
    customer.assert_kept(within_s=200)
    outcomes = [outcome for job_id in job_ids for outcome in customer.outcomes(job_id)]
    assert set(outcomes) == {"drained", "succeeded"}
    assert outcomes.count("succeeded") == len(job_ids)


def test_a_killed_worker_leaves_nobody(cluster: Cluster, customer: Customer) -> None:
    job_id = customer.submit(epochs=10)
    customer.wait_for_epoch(job_id)
    family = descendants(cluster.holder_of(job_id).pid)
    cluster.holder_of(job_id).kill()
    eventually(lambda: not any(is_alive(*member) for member in family.items()), GONE_S, "all of it is gone")
    customer.assert_kept()


def test_a_killed_idle_worker_leaves_no_spare(cluster: Cluster) -> None:
    worker = cluster.workers[0]
    family = descendants(worker.pid)
    assert len(family) > 1
    worker.kill()
    eventually(lambda: not any(is_alive(*member) for member in family.items()), GONE_S, "all of it is gone")
