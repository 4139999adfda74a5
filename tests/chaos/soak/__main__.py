"""A random soak test: `python -m tests.chaos.soak --minutes 60 --seed 1`. Prints a summary; stops at the first violation.

In each round a client submits, pauses, resumes, stops and cancels jobs, some of which crash their trainers, and uploads
datasets and evaluates models, while the nemesis injects faults. Then the cluster is repaired, and the history checker examines
the round.
"""

import argparse
import statistics
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.chaos.cluster.client import ClusterClient
from tests.chaos.cluster.cluster import LEASE_S, Cluster, running_cluster
from tests.chaos.instrumented.step_recording_trainer import FAILURE_TAG
from tests.chaos.soak.nemesis import Nemesis

FAULTS_FOR_S = 25.0
FINISH_WITHIN_S = 240.0
JOBS_PER_ROUND = 6
VERBS = ("pause", "resume", "stop", "cancel")
FAILURES = ("segfault", "raise_error", "diverge", "exit_early", "flood")


@dataclass
class Tally:
    """The numbers of the summary."""

    rounds: int = 0
    accepted: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    events: int = 0
    takeovers: int = 0
    false_takeovers: int = 0
    recoveries_s: list[float] = field(default_factory=list)

    def add(self, cluster: Cluster, client: ClusterClient, nemesis: Nemesis) -> None:
        """Add a round that passed the checker."""
        self.rounds += 1
        self.accepted += len(client.job_ids) + len(client.import_ids) + len(client.models)
        self.statuses.update(map(client.status, [*client.import_ids, *client.models]))
        jobs = [client.job(job_id) for job_id in client.job_ids]
        self.statuses.update(job["status"] for job in jobs)
        self.events += len(cluster.history.entries("received"))
        lost = [a for job in jobs for a in job["attempts"] if a["outcome"] == "worker_lost"]
        self.takeovers += len(lost)
        disturbed = {str(pid) for pid in nemesis.disturbed_pids}
        self.false_takeovers += sum(a["worker"].rpartition("-")[2] not in disturbed for a in lost)
        self.recoveries_s += recoveries_s(cluster, nemesis)

    def report(self, faults: Counter[str]) -> str:
        """Return the summary as a few lines of text."""
        kills = sum(count for fault, count in faults.items() if fault.startswith(("kill", "tear")))
        lines = [
            f"rounds {self.rounds}; faults {faults.total()}, of them kill -9: {kills}",
            "  " + ", ".join(f"{fault} {count}" for fault, count in sorted(faults.items())),
            f"items accepted {self.accepted}, ended {self.statuses.total()}: "
            + ", ".join(f"{status} {count}" for status, count in sorted(self.statuses.items())),
            f"events received {self.events}, each once and in order by each watcher",
            f"takeovers {self.takeovers}, false {self.false_takeovers}",
        ]
        if self.recoveries_s:
            lines.append(
                f"kill -9 of a busy worker to its job's next step: median {statistics.median(self.recoveries_s):.1f} s, "
                f"worst {max(self.recoveries_s):.1f} s of {len(self.recoveries_s)} (lease {LEASE_S:g} s)"
            )
        return "\n".join(lines)


def recoveries_s(cluster: Cluster, nemesis: Nemesis) -> list[float]:
    """Return the seconds from each kill of a job's worker to the first step of the job's next attempt, if any."""
    steps = cluster.history.entries("step")
    found = []
    for job_id, number, killed_at in nemesis.kills_of_holders:
        later = [s["at"] for s in steps if s["item_id"] == job_id and s["attempt"] > number]
        if later:
            found.append(min(later) - killed_at)
    return found


def use(client: ClusterClient, nemesis: Nemesis, stopped: threading.Event) -> None:
    """Submit jobs, and change some of them at random."""
    chance = nemesis.random.random
    for number in range(JOBS_PER_ROUND):
        tags = (FAILURE_TAG + nemesis.random.choice(FAILURES),) if chance() < 0.15 else ()
        client.submit(epochs=nemesis.random.randint(2, 25), tags=tags, first=number)
        if chance() < 0.5:
            import_id = client.upload(nemesis.random.randint(20, 120), first=number)
            client.submit(epochs=1, dataset=client.name_of(import_id), first=number)
            if chance() < 0.2:
                client.cancel(import_id)
        if chance() < 0.3:
            client.evaluate(nemesis.random.randint(20, 120), first=number)
        stopped.wait(nemesis.random.uniform(0, 3))
        if chance() < 0.5:
            client.change(nemesis.random.choice(client.job_ids), nemesis.random.choice(VERBS))


def run_round(cluster: Cluster, nemesis: Nemesis, tally: Tally) -> None:
    """Run one round.

    Raises:
        AssertionError: the history violates a rule.
    """
    cluster.history.clear()
    nemesis.disturbed_pids.clear()
    nemesis.kills_of_holders.clear()
    client = ClusterClient(cluster)
    stopped = threading.Event()
    user = threading.Thread(target=use, args=(client, nemesis, stopped))
    user.start()
    try:
        nemesis.inject_faults(FAULTS_FOR_S)
    finally:
        stopped.set()
        cluster.repair()
        user.join()
    client.resume_all()
    client.check(FINISH_WITHIN_S)
    tally.add(cluster, client, nemesis)
    client.close()


def main() -> None:
    """Run rounds for the given time, then print the summary."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    until = time.monotonic() + 60 * options.minutes
    tally = Tally()
    with running_cluster() as cluster:
        nemesis = Nemesis(cluster, options.seed)
        while time.monotonic() < until:
            try:
                run_round(cluster, nemesis, tally)
            except AssertionError as violation:
                print(tally.report(nemesis.faults))  # noqa: T201  # the report is the point
                sys.exit(f"seed {options.seed}, round {tally.rounds + 1}: {violation}")
            print(f"round {tally.rounds}: {tally.accepted} items, no violation", flush=True)  # noqa: T201  # as above
    print(f"seed {options.seed}, {options.minutes:g} minutes\n{tally.report(nemesis.faults)}")  # noqa: T201  # as above


if __name__ == "__main__":
    main()
