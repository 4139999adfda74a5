"""How soon a job trains again after kill -9 of its worker: `python -m benchmarks.service.recovery`, about ten minutes.

Two workers and two APIs as they come (lease 15 s, a renewal every second), the real network on the digits. Prints the
worst and the median time from the kill to the phase `training` of the next attempt; promised is lease + 5 s.
"""

import argparse
import statistics
import time

from tests.chaos.cluster import Cluster, running_cluster
from tests.chaos.customer import Customer
from tests.ninefold.processes import eventually
from worker.settings import WorkerSettings

EPOCHS = 1000
"""More than are done before the second attempt trains."""
GRACE_S = 5.0
GIVE_UP_AFTER_S = 300.0


def trains(customer: Customer, job_id: str, attempt: int) -> bool:
    """Whether this attempt at the job has come as far as training."""
    job = customer.job(job_id)
    return len(job["attempts"]) == attempt and job["phase"] == "training"


def recovery_s(cluster: Cluster, customer: Customer) -> float:
    """Seconds from one kill to training again; the cluster is whole again afterwards."""
    cluster.become_idle()
    job_id = customer.submit(epochs=EPOCHS, watchers=0)
    eventually(lambda: trains(customer, job_id, 1), GIVE_UP_AFTER_S, "it trains")
    holder = cluster.holder_of(job_id)
    killed_at = time.monotonic()
    holder.kill()
    eventually(lambda: trains(customer, job_id, 2), GIVE_UP_AFTER_S, "it trains again")
    took_s = time.monotonic() - killed_at
    assert customer.outcomes(job_id)[0] == "worker_lost"
    customer.cancel(job_id)
    return took_s


def main() -> None:
    """Kill again and again, then print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.service.recovery", description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    options = parser.parse_args()
    lease_s = WorkerSettings.model_fields["lease_s"].default
    renew_every_s = WorkerSettings.model_fields["renew_every_s"].default
    with running_cluster(trainer="network", lease_s=lease_s, renew_every_s=renew_every_s) as cluster:
        customer = Customer(cluster)
        times = [recovery_s(cluster, customer) for _ in range(options.kills)]
        customer.close()
    print(
        f"kill -9 of a worker to training again, lease {lease_s:g} s: median {statistics.median(times):.1f} s, "
        f"worst {max(times):.1f} s of {len(times)} (promised {lease_s + GRACE_S:g} s)"
    )


if __name__ == "__main__":
    main()
