"""R4, R5: the job of a dead worker is taken soon, and the job of a live worker never, even after an outage of Redis."""

import time

import pytest

from model.host.failpoints import Failpoint
from tests.chaos.cluster.client import ClusterClient
from tests.chaos.cluster.cluster import LEASE_S, Cluster
from tests.chaos.instrumented.fault_plans import Fault
from tests.ninefold.processes import eventually

TAKEOVER_S = 5 * (LEASE_S + 5)
EPOCHS_PER_LEASE = 15
"""The counting trainer takes a fifth of a second for an epoch."""


def test_a_dead_workers_job_trains_again(cluster: Cluster, client: ClusterClient) -> None:
    job_id = client.submit(epochs=20)
    client.wait_for_epoch(job_id)
    cluster.holder_of(job_id).kill()

    def trains_again() -> bool:
        return any(s["attempt"] == 2 for s in cluster.history.entries("step") if s["job_id"] == job_id)

    eventually(trains_again, TAKEOVER_S, "the job trains again")
    client.check()
    assert client.outcomes(job_id) == ["worker_lost", "succeeded"]


@pytest.mark.parametrize(
    "failpoint",
    [
        pytest.param(Failpoint.REAP_DUE, marks=pytest.mark.chaos),
        Failpoint.REAP_RECORDED,
        pytest.param(Failpoint.REAP_WAKE_UP_SENT, marks=pytest.mark.chaos),
    ],
)
def test_a_job_is_taken_over_although_the_first_reapers_die(
    cluster: Cluster, client: ClusterClient, failpoint: Failpoint
) -> None:
    """The first reaper in an API and the first reaper in a worker die at the failpoint."""
    job_id = client.submit(epochs=20)
    client.wait_for_epoch(job_id)
    for role in ("api", "worker"):
        cluster.plan(role, failpoint, Fault.KILL)
    cluster.holder_of(job_id).kill()
    cluster.await_fault(failpoint, TAKEOVER_S)
    cluster.repair()
    client.check()
    assert client.outcomes(job_id)[0] == "worker_lost"
    assert client.job(job_id)["status"] == "succeeded"


@pytest.mark.chaos
@pytest.mark.timeout(300)
def test_a_job_that_outlives_every_timeout_runs_once(cluster: Cluster, client: ClusterClient) -> None:
    """It lasts for ten leases and socket timeouts, and for thirty redeliveries of its wake-up by the broker."""
    job_id = client.submit(epochs=10 * EPOCHS_PER_LEASE)
    client.check(within_s=180)
    assert client.outcomes(job_id) == ["succeeded"]


@pytest.mark.parametrize("leases", [2, pytest.param(5, marks=pytest.mark.chaos)])
def test_a_pause_of_redis_takes_no_job_from_its_worker(
    cluster: Cluster, client: ClusterClient, leases: int
) -> None:
    job_ids = [client.submit(epochs=20) for _ in cluster.workers]
    for job_id in job_ids:
        client.wait_for_epoch(job_id)
    cluster.valkey.freeze()
    time.sleep(leases * LEASE_S)
    cluster.valkey.unfreeze()
    client.check(within_s=120)
    assert [client.outcomes(job_id) for job_id in job_ids] == [["succeeded"]] * len(job_ids)


@pytest.mark.chaos
def test_a_slow_network_takes_no_job_from_its_worker(cluster: Cluster, client: ClusterClient) -> None:
    for link in cluster.links.values():
        link.delay_s = 0.15
    job_id = client.submit(epochs=3 * EPOCHS_PER_LEASE)
    client.check(within_s=120)
    assert client.outcomes(job_id) == ["succeeded"]
