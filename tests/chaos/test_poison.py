"""R10: work that breaks its child processes fails soon with its cause; other work and the workers are not affected."""

import pytest

from tests.chaos.cluster.client import ClusterClient
from tests.chaos.cluster.cluster import Cluster
from tests.chaos.instrumented.step_recording_trainer import FAILURE_TAG

CODES = {
    "segfault": "crashed_repeatedly",
    "eat_memory": "out_of_memory_repeatedly",
    "raise_error": "internal_error",
    "diverge": "training_diverged",
}
MORE_CODES = {
    "abort_for_memory": "out_of_memory_repeatedly",
    "exit_early": "crashed_repeatedly",
    "lose_storage": "storage_error",
    "send_garbage": "crashed_repeatedly",
    "hang": "stalled_repeatedly",
}
UPLOAD_CODES = {
    "die": "crashed_repeatedly",
    "send_garbage": "crashed_repeatedly",
    "raise_error": "internal_error",
    "eat_memory": "dataset_rejected",
}
HARMLESS = ["flood", "start_child"]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("codes", [CODES, pytest.param(MORE_CODES, marks=pytest.mark.chaos)])
def test_poison_jobs_fail_and_healthy_jobs_finish(
    cluster: Cluster, client: ClusterClient, codes: dict[str, str]
) -> None:
    failing = {
        client.submit(epochs=3, tags=(FAILURE_TAG + failure,)): code for failure, code in codes.items()
    }
    healthy = [client.submit(epochs=3) for _ in range(2)]
    healthy += [client.submit(epochs=3, tags=(FAILURE_TAG + failure,)) for failure in HARMLESS]
    client.check(within_s=200)
    errors = {job_id: client.job(job_id)["error"] for job_id in failing}
    assert {job_id: error and error["code"] for job_id, error in errors.items()} == failing
    assert [client.job(job_id)["status"] for job_id in healthy] == ["succeeded"] * len(healthy)
    assert all(worker.is_running for worker in cluster.workers)


def test_poison_uploads_are_rejected_and_healthy_ones_are_imported(
    cluster: Cluster, client: ClusterClient
) -> None:
    """More uploads kill their import processes than a worker may lose before it is taken to be broken."""
    failing = {client.upload(fails=failure): code for failure, code in UPLOAD_CODES.items()}
    healthy = [client.upload() for _ in range(2)]
    client.check(within_s=200)
    errors = {import_id: client.dataset(import_id)["error"] for import_id in failing}
    assert {import_id: error and error["code"] for import_id, error in errors.items()} == failing
    assert [client.status(import_id) for import_id in healthy] == ["succeeded"] * len(healthy)
    assert all(cluster.is_idle(worker) for worker in cluster.workers)
