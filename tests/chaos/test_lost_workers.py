"""R4, R5: the work of a dead worker is taken soon, and that of a live worker never, even after an outage of Redis."""

import time

import pytest

from model.host.failpoints import Failpoint
from tests.chaos.cluster.client import ClusterClient
from tests.chaos.cluster.cluster import LEASE_S, Cluster
from tests.chaos.instrumented.fault_plans import Fault
from tests.chaos.steps import quick_with
from tests.ninefold.processes import eventually
from worker.queue.ids import IMPORT_PREFIX
from worker.queue.kinds import Kind
from worker.upkeep.roles import Role

TAKEOVER_S = 5 * (LEASE_S + 5)
TAKEOVER_WITHOUT_UPKEEP_S = 5 * (LEASE_S + 15)
"""A third process is elected within 10 s and then watches the work for a whole lease: docs/operations.md."""
STEPS_PER_LEASE = 75
"""A step takes a twenty-fifth of a second."""
LONG = 100


def await_second_attempt(cluster: Cluster, client: ClusterClient, item_id: str, within_s: float) -> None:
    """Wait until a second attempt trains, reads or predicts."""
    is_import = item_id.startswith(IMPORT_PREFIX)
    field, own = ("name", client.name_of(item_id)) if is_import else ("item_id", item_id)

    def has_begun_again() -> bool:
        done = cluster.history.entries("step", "file", "image")
        return len({entry["pid"] for entry in done if entry.get(field) == own}) >= 2

    eventually(has_begun_again, within_s, "a second attempt begins")


@pytest.mark.parametrize("kind", quick_with(Kind.DATASET_IMPORT))
def test_a_dead_workers_work_begins_again(cluster: Cluster, client: ClusterClient, kind: Kind) -> None:
    item_id = client.start(kind, LONG)
    client.wait_until_begun(item_id)
    cluster.holder_of(item_id).kill()
    await_second_attempt(cluster, client, item_id, TAKEOVER_S)
    client.check()
    assert client.outcomes(item_id) == ["worker_lost", "succeeded"]


@pytest.mark.parametrize("kind", quick_with(Kind.TRAINING))
@pytest.mark.parametrize(
    ("roles", "within_s"),
    [
        pytest.param([Role.LEADER], TAKEOVER_S, id="leader", marks=pytest.mark.chaos),
        pytest.param(list(Role), TAKEOVER_WITHOUT_UPKEEP_S, id="leader-and-deputy"),
    ],
)
def test_a_dead_workers_work_begins_again_although_the_upkeep_dies_with_it(
    cluster: Cluster, client: ClusterClient, kind: Kind, roles: list[Role], within_s: float
) -> None:
    eventually(lambda: all(map(cluster.process_with, Role)), 60, "leader and deputy are elected")
    item_id = client.start(kind, LONG)
    client.wait_until_begun(item_id)
    elected = [cluster.process_with(role) for role in roles]
    doomed = {process.name: process for process in (cluster.holder_of(item_id), *elected) if process}
    for process in doomed.values():
        process.kill()
    for process in doomed.values():
        process.start()  # a new process: it has no role and has watched nothing
    await_second_attempt(cluster, client, item_id, within_s)
    client.check()
    assert client.outcomes(item_id) == ["worker_lost", "succeeded"]


@pytest.mark.parametrize("kind", quick_with(Kind.DATASET_IMPORT))
@pytest.mark.parametrize(
    "failpoint",
    [
        pytest.param(Failpoint.REAP_DUE, marks=pytest.mark.chaos),
        Failpoint.REAP_RECORDED,
        pytest.param(Failpoint.REAP_WAKE_UP_SENT, marks=pytest.mark.chaos),
    ],
)
def test_work_is_taken_over_although_the_first_reapers_die(
    cluster: Cluster, client: ClusterClient, kind: Kind, failpoint: Failpoint
) -> None:
    """The first reaper in an API and the first reaper in a worker die at the failpoint."""
    item_id = client.start(kind, LONG)
    client.wait_until_begun(item_id)
    for role in ("api", "worker"):
        cluster.plan(role, failpoint, Fault.KILL)
    cluster.holder_of(item_id).kill()
    cluster.await_fault(failpoint, TAKEOVER_S)
    cluster.repair()
    client.check()
    assert client.outcomes(item_id)[0] == "worker_lost"
    assert client.status(item_id) == "succeeded"


@pytest.mark.chaos
@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", quick_with(Kind.TRAINING))
def test_work_that_outlives_every_timeout_is_done_once(
    cluster: Cluster, client: ClusterClient, kind: Kind
) -> None:
    """It lasts for ten leases and socket timeouts, and for thirty redeliveries of its wake-up by the broker."""
    item_id = client.start(kind, 10 * STEPS_PER_LEASE)
    client.check(within_s=180)
    assert client.outcomes(item_id) == ["succeeded"]


@pytest.mark.parametrize("kind", quick_with(Kind.TRAINING))
@pytest.mark.parametrize("leases", [2, pytest.param(5, marks=pytest.mark.chaos)])
def test_a_pause_of_redis_takes_no_work_from_its_worker(
    cluster: Cluster, client: ClusterClient, kind: Kind, leases: int
) -> None:
    item_ids = [client.start(kind, LONG) for _ in cluster.workers]
    for item_id in item_ids:
        client.wait_until_begun(item_id)
    cluster.valkey.freeze()
    time.sleep(leases * LEASE_S)
    cluster.valkey.unfreeze()
    client.check(within_s=120)
    assert [client.outcomes(item_id) for item_id in item_ids] == [["succeeded"]] * len(item_ids)


@pytest.mark.chaos
@pytest.mark.parametrize("kind", quick_with(Kind.TRAINING))
def test_a_slow_network_takes_no_work_from_its_worker(
    cluster: Cluster, client: ClusterClient, kind: Kind
) -> None:
    for link in cluster.links.values():
        link.delay_s = 0.15
    item_id = client.start(kind, 3 * STEPS_PER_LEASE)
    client.check(within_s=120)
    assert client.outcomes(item_id) == ["succeeded"]
