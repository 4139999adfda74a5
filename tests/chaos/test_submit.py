"""R1: a job answered with 202 is never lost, wherever the API dies and even when its wake-up is lost."""

import pytest

from model.host.failpoints import Failpoint
from tests.chaos.cluster.client import ClusterClient
from tests.chaos.cluster.cluster import Cluster
from tests.chaos.instrumented.fault_plans import Fault
from tests.ninefold.processes import eventually
from worker.redis_server.keys import WAKE_UPS

SUBMITTING = [Failpoint.SUBMIT_RESOLVED, Failpoint.SUBMIT_RECORDED, Failpoint.SUBMIT_WAKE_UP_SENT]


@pytest.mark.parametrize("failpoint", SUBMITTING)
def test_a_submission_survives_the_death_of_its_api(
    cluster: Cluster, client: ClusterClient, failpoint: Failpoint
) -> None:
    cluster.plan("api", failpoint, Fault.KILL)
    job_id = client.submit(epochs=1)
    assert cluster.await_fault(failpoint)
    client.check()
    assert client.job(job_id)["status"] == "succeeded"


def test_a_job_runs_although_its_wake_up_is_lost(cluster: Cluster, client: ClusterClient) -> None:
    for worker in cluster.workers:
        worker.kill()  # a frozen worker would receive the wake-up and keep it
    job_id = client.submit(epochs=1)
    broker = cluster.store.redis
    eventually(lambda: broker.llen(WAKE_UPS), 10, "a wake-up is sent")
    broker.delete(WAKE_UPS)
    eventually(lambda: broker.llen(WAKE_UPS), 10, "a reaper sends another wake-up")
    broker.delete(WAKE_UPS)
    for worker in cluster.workers:
        worker.start()
    client.check()
    assert client.job(job_id)["status"] == "succeeded"


def test_a_lost_reply_creates_no_second_job(cluster: Cluster, client: ClusterClient) -> None:
    for api in cluster.apis:
        cluster.links[api.name].replies_to_lose = 1
    job_id = client.submit(epochs=1)
    client.check()
    assert client.job(job_id)["status"] == "succeeded"
