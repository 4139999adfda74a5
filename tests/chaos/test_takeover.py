"""R2, R3: at most one attempt takes effect, wherever a worker dies or freezes, and however late it continues."""

import pytest

from model.host.failpoints import Failpoint
from tests.chaos.cluster.client import ClusterClient
from tests.chaos.cluster.cluster import LEASE_S, Cluster
from tests.chaos.instrumented.fault_plans import Fault
from tests.ninefold.processes import eventually

TAKEOVER_S = 5 * (LEASE_S + 5)
PUBLISHING = [
    Failpoint.PUBLISH_BEGUN,
    Failpoint.PUBLISH_COMMITTED,
    Failpoint.PUBLISH_WRITTEN,
    Failpoint.FINISH_RECORDED,
]
WORKING = [
    Failpoint.CLAIM_RECORDED,
    Failpoint.CLAIM_CHILD_STARTED,
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
"""Failpoints in the trainer."""
QUICK = {Failpoint.PUBLISH_COMMITTED, Failpoint.PUBLISH_WRITTEN, Failpoint.CHECKPOINT_RECORDED}


def with_chaos_marks(failpoints: list[Failpoint]) -> list[object]:
    """Return the failpoints; all but the quick ones are marked to run with `make chaos` only."""
    return [pytest.param(point, marks=() if point in QUICK else (pytest.mark.chaos,)) for point in failpoints]


@pytest.mark.parametrize("failpoint", with_chaos_marks(PUBLISHING + WORKING))
def test_a_job_survives_the_death_of_its_worker(
    cluster: Cluster, client: ClusterClient, failpoint: Failpoint
) -> None:
    cluster.plan("worker", failpoint, Fault.KILL)
    job_id = client.submit(epochs=3)
    cluster.await_worker_fault(failpoint).wait(5)
    client.check()
    assert client.job(job_id)["status"] == "succeeded"


@pytest.mark.parametrize("failpoint", with_chaos_marks(PUBLISHING + WORKING))
def test_a_worker_that_continues_too_late_changes_nothing(
    cluster: Cluster, client: ClusterClient, failpoint: Failpoint
) -> None:
    cluster.plan("worker", failpoint, Fault.STOP)
    job_id = client.submit(epochs=3)
    frozen = cluster.await_worker_fault(failpoint)
    frozen.freeze()  # its trainer too
    has_ended = failpoint is Failpoint.FINISH_RECORDED
    if not has_ended:
        eventually(
            lambda: len(client.job(job_id)["attempts"]) == 2, TAKEOVER_S, "another worker takes the job"
        )
    frozen.unfreeze()
    client.check()
    assert client.job(job_id)["status"] == "succeeded"
    eventually(lambda: cluster.is_idle(frozen), 20, "the worker is idle again")


@pytest.mark.parametrize("failpoint", with_chaos_marks(STAGING))
def test_a_job_survives_the_death_of_its_trainer(
    cluster: Cluster, client: ClusterClient, failpoint: Failpoint
) -> None:
    cluster.plan("trainer", failpoint, Fault.KILL)
    job_id = client.submit(epochs=3)
    cluster.await_fault(failpoint)
    client.check()
    assert client.outcomes(job_id)[0] in ("crashed", "succeeded")
    assert client.job(job_id)["status"] == "succeeded"


def freeze_past_the_lease(cluster: Cluster, client: ClusterClient) -> str:
    """Freeze worker and trainer until another worker has taken the job, then unfreeze them; returns the job's id."""
    job_id = client.submit(epochs=30)
    client.wait_for_epoch(job_id)
    frozen = cluster.holder_of(job_id)
    frozen.freeze()
    eventually(lambda: len(client.job(job_id)["attempts"]) == 2, TAKEOVER_S, "another worker takes the job")
    frozen.unfreeze()
    return job_id


def test_a_frozen_worker_loses_its_job(cluster: Cluster, client: ClusterClient) -> None:
    job_id = freeze_past_the_lease(cluster, client)
    client.check()
    assert client.outcomes(job_id) == ["worker_lost", "succeeded"]
    refused = [w for w in cluster.history.entries("write") if w["answer"] == "stale_attempt"]
    assert refused, "the frozen worker should have tried to write"


def test_writes_that_arrive_too_late_are_refused(cluster: Cluster, client: ClusterClient) -> None:
    """The network of a worker is blocked: its writes arrive after another worker has taken the job."""
    job_id = client.submit(epochs=30)
    client.wait_for_epoch(job_id)
    cut_off = cluster.holder_of(job_id)
    cluster.links[cut_off.name].is_black_hole = True
    eventually(lambda: len(client.job(job_id)["attempts"]) == 2, TAKEOVER_S, "another worker takes the job")
    cluster.links[cut_off.name].repair()
    client.check()
    assert client.outcomes(job_id) == ["worker_lost", "succeeded"]
