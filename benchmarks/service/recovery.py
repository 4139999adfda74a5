"""Measures how soon a job trains again after kill -9 of its worker; takes about ten minutes.

    python -m benchmarks.service.recovery [--kills 20]

Two workers and two APIs with default settings (lease 15 s, one renewal a second) train the real network on the digits.
Prints the median and the worst time from the kill to the phase `training` of the next attempt; lease + 5 s is promised.
"""

import argparse
import statistics
import time

from tests.chaos.cluster.client import ClusterClient
from tests.chaos.cluster.cluster import Cluster, running_cluster
from tests.ninefold.processes import eventually
from worker.settings import WorkerSettings

EPOCHS = 1000
"""More epochs than finish before the second attempt trains."""
GRACE_S = 5.0
GIVE_UP_AFTER_S = 300.0


def is_training(client: ClusterClient, job_id: str, attempt: int) -> bool:
    """Return whether this attempt is the job's latest and has reached the phase `training`."""
    job = client.job(job_id)
    return len(job["attempts"]) == attempt and job["phase"] == "training"


def recovery_s(cluster: Cluster, client: ClusterClient) -> float:
    """Kill the worker of a running job; return the seconds until the job trains on the other worker."""
    cluster.wait_until_idle()
    job_id = client.submit(epochs=EPOCHS, watchers=0)
    eventually(lambda: is_training(client, job_id, 1), GIVE_UP_AFTER_S, "the job trains")
    holder = cluster.holder_of(job_id)
    killed_at = time.monotonic()
    holder.kill()
    eventually(lambda: is_training(client, job_id, 2), GIVE_UP_AFTER_S, "the job trains again")
    taken_s = time.monotonic() - killed_at
    assert client.outcomes(job_id)[0] == "worker_lost"
    client.cancel(job_id)
    return taken_s


def main() -> None:
    """Repeat kill and recovery, then print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.service.recovery",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--kills", type=int, default=20)
    options = parser.parse_args()
    lease_s = WorkerSettings.model_fields["lease_s"].default
    renew_every_s = WorkerSettings.model_fields["renew_every_s"].default
    with running_cluster(trainer="network", lease_s=lease_s, renew_every_s=renew_every_s) as cluster:
        client = ClusterClient(cluster)
        times = [recovery_s(cluster, client) for _ in range(options.kills)]
        client.close()
    print(
        f"kill -9 of a worker until the job trains again, lease {lease_s:g} s: median {statistics.median(times):.1f} s, "
        f"worst {max(times):.1f} s of {len(times)} (promised {lease_s + GRACE_S:g} s)"
    )


if __name__ == "__main__":
    main()
