"""R2, R3: at most one attempt has effect, wherever a worker dies or freezes, and however late it wakes."""

import pytest

from model.host.failpoints import Failpoint
from tests.chaos.cluster import LEASE_S, Cluster
from tests.chaos.cluster_client import Customer
from tests.chaos.fault_plans import Act
from tests.ninefold.processes import eventually

RESCUE_S = 5 * (LEASE_S + 5)
PUBLISHING = [
    Failpoint.PUBLISH_BEGUN,
    Failpoint.PUBLISH_COMMITTED,
    Failpoint.PUBLISH_WRITTEN,
    Failpoint.FINISH_RECORDED,
]
WORKING = [
    Failpoint.CLAIM_RECORDED,
    Failpoint.CLAIM_TRAINER_STARTED,
    Failpoint.RENEW_DUE,
    Failpoint.RENEW_RECORDED,
    Failpoint.CHECKPOINT_RECORDED,
]
STAGING = [
    Failpoint.CHECKPOINT_DUE,
    Failpoint.CHECKPOINT_PUT,
    Failpoint.CHECKPOINT_REPORTED,
    Failpoint.PUT_BEGUN,
    Failpoint.PUT_WRITTEN,
    Failpoint.PUT_SYNCED,
    Failpoint.PUT_LINKED,
    Failpoint.PUT_DURABLE,
    Failpoint.PUBLISH_STAGED,
]
"""Reached by the trainer."""
QUICK = {Failpoint.PUBLISH_COMMITTED, Failpoint.PUBLISH_WRITTEN, Failpoint.CHECKPOINT_RECORDED}


def by_pace(failpoints: list[Failpoint]) -> list[object]:
    """Those in the default run, and those that wait for `make chaos`."""
    return [pytest.param(point, marks=() if point in QUICK else (pytest.mark.chaos,)) for point in failpoints]


@pytest.mark.parametrize("failpoint", by_pace(PUBLISHING + WORKING))
def test_a_job_outlives_its_worker(cluster: Cluster, customer: Customer, failpoint: Failpoint) -> None:
    cluster.plan("worker", failpoint, Act.KILL)
    job_id = customer.submit(epochs=3)
    cluster.fallen_worker(failpoint).wait(5)
    customer.assert_kept()
    assert customer.job(job_id)["status"] == "succeeded"


@pytest.mark.parametrize("failpoint", by_pace(PUBLISHING + WORKING))
def test_a_worker_that_wakes_too_late_changes_nothing(
    cluster: Cluster, customer: Customer, failpoint: Failpoint
) -> None:
    cluster.plan("worker", failpoint, Act.STOP)
    job_id = customer.submit(epochs=3)
    frozen = cluster.fallen_worker(failpoint)
    frozen.freeze()  # its trainer too
    has_ended = failpoint is Failpoint.FINISH_RECORDED
    if not has_ended:
        eventually(lambda: len(customer.job(job_id)["attempts"]) == 2, RESCUE_S, "another takes over")
    frozen.thaw()
    customer.assert_kept()
    assert customer.job(job_id)["status"] == "succeeded"
    eventually(lambda: cluster.is_idle(frozen), 20, "it works again")


@pytest.mark.parametrize("failpoint", by_pace(STAGING))
def test_a_job_outlives_its_trainer(cluster: Cluster, customer: Customer, failpoint: Failpoint) -> None:
    cluster.plan("trainer", failpoint, Act.KILL)
    job_id = customer.submit(epochs=3)
    cluster.await_fall(failpoint)
    customer.assert_kept()
    assert customer.outcomes(job_id)[0] in ("crashed", "succeeded")
    assert customer.job(job_id)["status"] == "succeeded"


def freeze_past_the_lease(cluster: Cluster, customer: Customer) -> str:
    """Worker and trainer stand still until another worker trains the job, then go on; the job's id."""
    job_id = customer.submit(epochs=30)
    customer.wait_for_epoch(job_id)
    frozen = cluster.holder_of(job_id)
    frozen.freeze()
    eventually(lambda: len(customer.job(job_id)["attempts"]) == 2, RESCUE_S, "another takes over")
    frozen.thaw()
    return job_id


def test_a_frozen_worker_is_superseded(cluster: Cluster, customer: Customer) -> None:
    job_id = freeze_past_the_lease(cluster, customer)
    customer.assert_kept()
    assert customer.outcomes(job_id) == ["worker_lost", "succeeded"]
    refused = [w for w in cluster.history.entries("write") if w["answer"] == "stale_attempt"]
    assert refused, "the superseded worker should have tried"


def test_what_was_held_back_arrives_too_late_and_is_refused(cluster: Cluster, customer: Customer) -> None:
    """A worker whose network holds everything back: its writes arrive once another has taken over."""
    job_id = customer.submit(epochs=30)
    customer.wait_for_epoch(job_id)
    cut_off = cluster.holder_of(job_id)
    cluster.links[cut_off.name].is_black_hole = True
    eventually(lambda: len(customer.job(job_id)["attempts"]) == 2, RESCUE_S, "another takes over")
    cluster.links[cut_off.name].heal()
    customer.assert_kept()
    assert customer.outcomes(job_id) == ["worker_lost", "succeeded"]
