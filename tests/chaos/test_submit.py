"""R1: a job answered with 202 is never lost, wherever the API dies and whatever becomes of the bell."""

import pytest

from model.host.failpoints import Failpoint
from tests.chaos.cluster import Cluster
from tests.chaos.cluster_client import Customer
from tests.chaos.fault_plans import Act
from tests.ninefold.processes import eventually
from worker.redis_server.keys import WAKE_UPS

SUBMITTING = [Failpoint.SUBMIT_RESOLVED, Failpoint.SUBMIT_RECORDED, Failpoint.SUBMIT_WAKE_UP_SENT]


@pytest.mark.parametrize("failpoint", SUBMITTING)
def test_a_submission_outlives_its_api(cluster: Cluster, customer: Customer, failpoint: Failpoint) -> None:
    cluster.plan("api", failpoint, Act.KILL)
    job_id = customer.submit(epochs=1)
    assert cluster.await_fall(failpoint)
    customer.assert_kept()
    assert customer.job(job_id)["status"] == "succeeded"


def test_a_job_runs_although_its_bell_is_gone(cluster: Cluster, customer: Customer) -> None:
    for worker in cluster.workers:
        worker.kill()  # a frozen one would take the bell and keep it
    job_id = customer.submit(epochs=1)
    broker = cluster.store.redis
    eventually(lambda: broker.llen(WAKE_UPS), 10, "the bell is rung")
    broker.delete(WAKE_UPS)
    eventually(lambda: broker.llen(WAKE_UPS), 10, "a reaper rings it again")
    broker.delete(WAKE_UPS)
    for worker in cluster.workers:
        worker.start()
    customer.assert_kept()
    assert customer.job(job_id)["status"] == "succeeded"


def test_a_lost_answer_makes_no_second_job(cluster: Cluster, customer: Customer) -> None:
    for api in cluster.apis:
        cluster.links[api.name].replies_to_lose = 1
    job_id = customer.submit(epochs=1)
    customer.assert_kept()
    assert customer.job(job_id)["status"] == "succeeded"
