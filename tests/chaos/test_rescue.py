"""R4, R5: a dead worker's job is taken up soon, and no live one's ever, also not after Redis was away for long."""

import time

import pytest

from model.host.failpoints import Failpoint
from tests.chaos.cluster import LEASE_S, Cluster
from tests.chaos.cluster_client import Customer
from tests.chaos.fault_plans import Act
from tests.ninefold.processes import eventually

RESCUE_S = 5 * (LEASE_S + 5)
EPOCHS_A_LEASE = 15
"""The counting trainer takes a fifth of a second for an epoch."""


def test_a_dead_workers_job_trains_again(cluster: Cluster, customer: Customer) -> None:
    job_id = customer.submit(epochs=20)
    customer.wait_for_epoch(job_id)
    cluster.holder_of(job_id).kill()

    def trains_again() -> bool:
        return any(s["attempt"] == 2 for s in cluster.history.entries("step") if s["job_id"] == job_id)

    eventually(trains_again, RESCUE_S, "the job trains again")
    customer.assert_kept()
    assert customer.outcomes(job_id) == ["worker_lost", "succeeded"]


@pytest.mark.parametrize(
    "failpoint",
    [
        pytest.param(Failpoint.REAP_DUE, marks=pytest.mark.chaos),
        Failpoint.REAP_RECORDED,
        pytest.param(Failpoint.REAP_WAKE_UP_SENT, marks=pytest.mark.chaos),
    ],
)
def test_a_rescue_outlives_its_rescuers(cluster: Cluster, customer: Customer, failpoint: Failpoint) -> None:
    """Whoever comes to the rescue first dies over it, one of the APIs and one of the workers."""
    job_id = customer.submit(epochs=20)
    customer.wait_for_epoch(job_id)
    for role in ("api", "worker"):
        cluster.plan(role, failpoint, Act.KILL)
    cluster.holder_of(job_id).kill()
    cluster.await_fall(failpoint, RESCUE_S)
    cluster.heal()
    customer.assert_kept()
    assert customer.outcomes(job_id)[0] == "worker_lost"
    assert customer.job(job_id)["status"] == "succeeded"


@pytest.mark.chaos
@pytest.mark.timeout(300)
def test_a_job_that_outlives_every_timeout_runs_once(cluster: Cluster, customer: Customer) -> None:
    """Ten leases and socket timeouts, and thirty of the broker's, which offers its bell again and again."""
    job_id = customer.submit(epochs=10 * EPOCHS_A_LEASE)
    customer.assert_kept(within_s=180)
    assert customer.outcomes(job_id) == ["succeeded"]


@pytest.mark.parametrize("leases", [2, pytest.param(5, marks=pytest.mark.chaos)])
def test_a_pause_of_redis_rescues_nobody(cluster: Cluster, customer: Customer, leases: int) -> None:
    job_ids = [customer.submit(epochs=20) for _ in cluster.workers]
    for job_id in job_ids:
        customer.wait_for_epoch(job_id)
    cluster.valkey.freeze()
    time.sleep(leases * LEASE_S)
    cluster.valkey.thaw()
    customer.assert_kept(within_s=120)
    assert [customer.outcomes(job_id) for job_id in job_ids] == [["succeeded"]] * len(job_ids)


@pytest.mark.chaos
def test_a_slow_network_rescues_nobody(cluster: Cluster, customer: Customer) -> None:
    for link in cluster.links.values():
        link.delay_s = 0.15
    job_id = customer.submit(epochs=3 * EPOCHS_A_LEASE)
    customer.assert_kept(within_s=120)
    assert customer.outcomes(job_id) == ["succeeded"]
