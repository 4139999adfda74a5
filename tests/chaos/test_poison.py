"""R10: a poison job ends with its cause and soon; the innocent ones beside it do not notice."""

import pytest

from tests.chaos.cluster import Cluster
from tests.chaos.cluster_client import Customer
from tests.chaos.step_recording_trainer import BREAKS

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
HARMLESS = ["flood", "start_child"]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("codes", [CODES, pytest.param(MORE_CODES, marks=pytest.mark.chaos)])
def test_poison_stops_and_the_innocent_finish(
    cluster: Cluster, customer: Customer, codes: dict[str, str]
) -> None:
    poison = {customer.submit(epochs=3, tags=(BREAKS + way,)): code for way, code in codes.items()}
    innocent = [customer.submit(epochs=3) for _ in range(2)]
    innocent += [customer.submit(epochs=3, tags=(BREAKS + way,)) for way in HARMLESS]
    customer.assert_kept(within_s=200)
    errors = {job_id: customer.job(job_id)["error"] for job_id in poison}
    assert {job_id: error and error["code"] for job_id, error in errors.items()} == poison
    assert [customer.job(job_id)["status"] for job_id in innocent] == ["succeeded"] * len(innocent)
    assert all(worker.is_running for worker in cluster.workers)
