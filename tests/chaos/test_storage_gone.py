"""R14: storage that goes away fails the job clearly, is shown by /readyz, and leaves nothing half-published."""

import httpx

from tests.chaos.cluster import Cluster
from tests.chaos.cluster_client import Customer
from tests.ninefold.processes import eventually

KNOWN_AFTER_S = 5 * 5


def storage_state(cluster: Cluster) -> str:
    """What /readyz says of it."""
    state: str = httpx.get(f"{cluster.urls[0]}/readyz", timeout=20).json()["storage"]
    return state


def test_a_job_whose_storage_goes_away_fails_with_its_cause(cluster: Cluster, customer: Customer) -> None:
    job_id = customer.submit(epochs=200)
    customer.wait_for_epoch(job_id)
    away = cluster.storage_folder.with_name("storage-away")
    cluster.storage_folder.rename(away)
    cluster.storage_folder.write_text("a file where the folder should be")
    eventually(lambda: customer.job(job_id)["status"] == "failed", 60, "the job fails")
    error = customer.job(job_id)["error"]
    eventually(lambda: "Storage cannot" in storage_state(cluster), KNOWN_AFTER_S, "/readyz says so")

    cluster.storage_folder.unlink()
    away.rename(cluster.storage_folder)
    eventually(lambda: storage_state(cluster) == "ok", KNOWN_AFTER_S, "it is back")
    after = customer.submit(epochs=1)
    customer.assert_kept()
    assert error["code"] == "storage_error"
    assert "Storage cannot write" in error["message"]
    assert customer.job(after)["status"] == "succeeded"
