"""R1: work answered with 202 is never lost, wherever the API dies and even when its wake-up is lost."""

import pytest

from model.host.failpoints import Failpoint
from tests.chaos.cluster.client import ClusterClient
from tests.chaos.cluster.cluster import Cluster
from tests.chaos.instrumented.fault_plans import Fault
from tests.chaos.steps import at_steps, quick_with
from tests.ninefold.processes import eventually
from worker.queue.kind_keys import WAKE_UPS
from worker.queue.kinds import LANES, Kind

SUBMITTED = (Failpoint.SUBMIT_RESOLVED, Failpoint.SUBMIT_RECORDED, Failpoint.SUBMIT_WAKE_UP_SENT)
STEPS = {
    Kind.TRAINING: SUBMITTED,
    Kind.DATASET_IMPORT: (
        Failpoint.PUT_SYNCED,
        Failpoint.PUT_LINKED,
        Failpoint.PUT_DURABLE,
        *SUBMITTED,
    ),
    Kind.EVALUATION: SUBMITTED,
}


@pytest.mark.parametrize(("kind", "failpoint"), at_steps(STEPS, quick={Failpoint.SUBMIT_RECORDED}))
def test_a_submission_survives_the_death_of_its_api(
    cluster: Cluster, client: ClusterClient, kind: Kind, failpoint: Failpoint
) -> None:
    cluster.plan("api", failpoint, Fault.KILL)
    item_id = client.start(kind)
    assert cluster.await_fault(failpoint)
    client.check()
    assert client.status(item_id) == "succeeded"


@pytest.mark.parametrize("kind", quick_with(Kind.TRAINING))
def test_work_is_done_although_its_wake_up_is_lost(
    cluster: Cluster, client: ClusterClient, kind: Kind
) -> None:
    for worker in cluster.workers:
        worker.kill()  # a frozen worker would receive the wake-up and keep it
    item_id = client.start(kind)
    broker, wake_ups = cluster.store.redis, WAKE_UPS[LANES[kind]]
    eventually(lambda: broker.llen(wake_ups), 60, "a wake-up is sent")
    broker.delete(wake_ups)
    eventually(lambda: broker.llen(wake_ups), 60, "a reaper sends another wake-up")
    broker.delete(wake_ups)
    for worker in cluster.workers:
        worker.start()
    client.check()
    assert client.status(item_id) == "succeeded"


@pytest.mark.parametrize("kind", quick_with(Kind.DATASET_IMPORT))
def test_a_lost_reply_creates_nothing_twice(cluster: Cluster, client: ClusterClient, kind: Kind) -> None:
    for api in cluster.apis:
        cluster.links[api.name].replies_to_lose = 1
    item_id = client.start(kind)
    client.check()
    assert client.status(item_id) == "succeeded"
