"""R14: when storage goes away, the job fails with that cause, /readyz reports it, and nothing is half published."""

import httpx

from tests.chaos.cluster.client import ClusterClient
from tests.chaos.cluster.cluster import Cluster
from tests.ninefold.processes import eventually

REPORTED_AFTER_S = 60


def storage_state(cluster: Cluster) -> str:
    """Return what /readyz reports about storage."""
    state: str = httpx.get(f"{cluster.urls[0]}/readyz", timeout=20).json()["storage"]
    return state


def test_a_job_whose_storage_becomes_unreachable_fails_with_its_cause(
    cluster: Cluster, client: ClusterClient
) -> None:
    job_id = client.submit(epochs=200)
    client.wait_for_epoch(job_id)
    away = cluster.storage_folder.with_name("storage-away")
    cluster.storage_folder.rename(away)
    cluster.storage_folder.write_text("a file where the folder should be")
    eventually(lambda: client.job(job_id)["status"] == "failed", 60, "the job fails")
    error = client.job(job_id)["error"]
    eventually(lambda: "Storage cannot" in storage_state(cluster), REPORTED_AFTER_S, "/readyz reports it")

    cluster.storage_folder.unlink()
    away.rename(cluster.storage_folder)
    eventually(
        lambda: storage_state(cluster) == "ok", REPORTED_AFTER_S, "/readyz reports that storage is back"
    )
    after = client.submit(epochs=1)
    client.check()
    assert error["code"] == "storage_error"
    assert "Storage cannot write" in error["message"]
    assert client.job(after)["status"] == "succeeded"
