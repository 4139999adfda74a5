"""R2, R3: at most one attempt takes effect, wherever a worker dies or freezes, and however late it continues."""

import pytest

from model.host.failpoints import Failpoint
from tests.chaos.cluster.client import ClusterClient
from tests.chaos.cluster.cluster import LEASE_S, Cluster
from tests.chaos.instrumented.fault_plans import Fault
from tests.chaos.steps import CHILD_ROLE, CHILD_STEPS, ENDED, WORKER_STEPS, at_steps, plan_silence, quick_with
from tests.ninefold.processes import eventually
from worker.queue.kinds import Kind

TAKEOVER_S = 5 * (LEASE_S + 5)
QUICK = {
    Failpoint.PUBLISH_COMMITTED,
    Failpoint.IMPORT_STORED,
    Failpoint.IMPORT_READ,
}
BEFORE_THE_CLAIM = dict.fromkeys(CHILD_ROLE, (Failpoint.CLAIM_BEGUN,))
LONG = 150


@pytest.mark.parametrize(
    ("kind", "failpoint"), at_steps(BEFORE_THE_CLAIM, quick=()) + at_steps(WORKER_STEPS, QUICK)
)
def test_work_survives_the_death_of_its_worker(
    cluster: Cluster, client: ClusterClient, kind: Kind, failpoint: Failpoint
) -> None:
    cluster.plan("worker", failpoint, Fault.KILL)
    plan_silence(cluster, kind, failpoint)
    item_id = client.start(kind)
    cluster.await_worker_fault(failpoint).wait(60)
    client.check()
    assert client.status(item_id) == "succeeded"


@pytest.mark.parametrize(("kind", "failpoint"), at_steps(WORKER_STEPS, QUICK))
def test_a_worker_that_continues_too_late_changes_nothing(
    cluster: Cluster, client: ClusterClient, kind: Kind, failpoint: Failpoint
) -> None:
    cluster.plan("worker", failpoint, Fault.STOP)
    plan_silence(cluster, kind, failpoint)
    item_id = client.start(kind)
    frozen = cluster.await_worker_fault(failpoint)
    frozen.freeze()  # its child process too
    if failpoint not in ENDED:
        eventually(lambda: len(client.outcomes(item_id)) == 2, TAKEOVER_S, "another worker takes the work")
    frozen.unfreeze()
    client.check()
    assert client.status(item_id) == "succeeded"
    eventually(lambda: cluster.is_idle(frozen), 60, "the worker is idle again")


@pytest.mark.parametrize(("kind", "failpoint"), at_steps(CHILD_STEPS, QUICK))
def test_work_survives_the_death_of_its_child_process(
    cluster: Cluster, client: ClusterClient, kind: Kind, failpoint: Failpoint
) -> None:
    cluster.plan(CHILD_ROLE[kind], failpoint, Fault.KILL)
    item_id = client.start(kind)
    cluster.await_fault(failpoint)
    client.check()
    assert client.outcomes(item_id)[0] in ("crashed", "succeeded")
    assert client.status(item_id) == "succeeded"


def freeze_past_the_lease(cluster: Cluster, client: ClusterClient, kind: Kind) -> str:
    """Freeze a worker and its child until another worker has taken the work, then unfreeze them; returns the item's id."""
    item_id = client.start(kind, LONG)
    client.wait_until_begun(item_id)
    frozen = cluster.holder_of(item_id)
    frozen.freeze()
    eventually(lambda: len(client.outcomes(item_id)) == 2, TAKEOVER_S, "another worker takes the work")
    frozen.unfreeze()
    return item_id


@pytest.mark.parametrize("kind", quick_with(Kind.TRAINING))
def test_a_frozen_worker_loses_its_work(cluster: Cluster, client: ClusterClient, kind: Kind) -> None:
    item_id = freeze_past_the_lease(cluster, client, kind)
    client.check()
    assert client.outcomes(item_id) == ["worker_lost", "succeeded"]
    refused = [w for w in cluster.history.entries("write") if w["answer"] == "stale_attempt"]
    assert refused, "the frozen worker should have tried to write"


@pytest.mark.parametrize("kind", quick_with(Kind.DATASET_IMPORT))
def test_writes_that_arrive_too_late_are_refused(cluster: Cluster, client: ClusterClient, kind: Kind) -> None:
    """The network of a worker is blocked: its writes arrive after another worker has taken the work."""
    item_id = client.start(kind, LONG)
    client.wait_until_begun(item_id)
    cut_off = cluster.holder_of(item_id)
    cluster.links[cut_off.name].is_black_hole = True
    eventually(lambda: len(client.outcomes(item_id)) == 2, TAKEOVER_S, "another worker takes the work")
    cluster.links[cut_off.name].repair()
    client.check()
    assert client.outcomes(item_id) == ["worker_lost", "succeeded"]
