"""A random soak: `python -m tests.chaos.soak --minutes 60 --seed 1`. Prints what was survived; stops at the first fault.

Round after round, customers submit, pause, resume, stop and cancel jobs, some of them poison, while the nemesis breaks
things; then all is healed, and the judge looks at the round's history.
"""

import argparse
import statistics
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.chaos.cluster import LEASE_S, Cluster, running_cluster
from tests.chaos.cluster_client import Customer
from tests.chaos.nemesis import Nemesis
from tests.chaos.step_recording_trainer import BREAKS

RAGE_S = 25.0
SETTLES_WITHIN_S = 240.0
JOBS_A_ROUND = 6
VERBS = ("pause", "resume", "stop", "cancel")
POISON = ("segfault", "raise_error", "diverge", "exit_early", "flood")


@dataclass
class Tally:
    """What was survived so far."""

    rounds: int = 0
    accepted: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    events: int = 0
    rescues: int = 0
    false_rescues: int = 0
    recoveries_s: list[float] = field(default_factory=list)

    def add(self, cluster: Cluster, customer: Customer, nemesis: Nemesis) -> None:
        """Count a round that was judged."""
        self.rounds += 1
        self.accepted += len(customer.job_ids)
        jobs = [customer.job(job_id) for job_id in customer.job_ids]
        self.statuses.update(job["status"] for job in jobs)
        self.events += len(cluster.history.entries("heard"))
        lost = [a for job in jobs for a in job["attempts"] if a["outcome"] == "worker_lost"]
        self.rescues += len(lost)
        wronged = {str(pid) for pid in nemesis.wronged}
        self.false_rescues += sum(a["worker"].rpartition("-")[2] not in wronged for a in lost)
        self.recoveries_s += recoveries_s(cluster, nemesis)

    def report(self, deeds: Counter[str]) -> str:
        """A few lines for people."""
        kills = sum(count for deed, count in deeds.items() if deed.startswith(("kill", "tear")))
        lines = [
            f"rounds {self.rounds}; deeds {deeds.total()}, of them kill -9: {kills}",
            "  " + ", ".join(f"{deed} {count}" for deed, count in sorted(deeds.items())),
            f"jobs accepted {self.accepted}, ended {self.statuses.total()}: "
            + ", ".join(f"{status} {count}" for status, count in sorted(self.statuses.items())),
            f"events heard {self.events}, each once and in order by each watcher",
            f"rescues {self.rescues}, false {self.false_rescues}",
        ]
        if self.recoveries_s:
            lines.append(
                f"kill -9 of a busy worker to its job's next step: median {statistics.median(self.recoveries_s):.1f} s, "
                f"worst {max(self.recoveries_s):.1f} s of {len(self.recoveries_s)} (lease {LEASE_S:g} s)"
            )
        return "\n".join(lines)


def recoveries_s(cluster: Cluster, nemesis: Nemesis) -> list[float]:
    """From each kill of a job's worker to the first step of its next attempt, where there was one."""
    steps = cluster.history.entries("step")
    found = []
    for job_id, number, killed_at in nemesis.kills_of_holders:
        later = [s["at"] for s in steps if s["job_id"] == job_id and s["attempt"] > number]
        if later:
            found.append(min(later) - killed_at)
    return found


def use(customer: Customer, nemesis: Nemesis, stopped: threading.Event) -> None:
    """Submit, and change one's mind."""
    chance = nemesis.random.random
    for number in range(JOBS_A_ROUND):
        tags = (BREAKS + nemesis.random.choice(POISON),) if chance() < 0.15 else ()
        customer.submit(epochs=nemesis.random.randint(2, 25), tags=tags, first=number)
        stopped.wait(nemesis.random.uniform(0, 3))
        if chance() < 0.5:
            customer.ask(nemesis.random.choice(customer.job_ids), nemesis.random.choice(VERBS))


def play_round(cluster: Cluster, nemesis: Nemesis, tally: Tally) -> None:
    """One round; raises AssertionError where a promise was broken."""
    cluster.history.forget()
    nemesis.wronged.clear()
    nemesis.kills_of_holders.clear()
    customer = Customer(cluster)
    stopped = threading.Event()
    user = threading.Thread(target=use, args=(customer, nemesis, stopped))
    user.start()
    try:
        nemesis.rage(RAGE_S)
    finally:
        stopped.set()
        cluster.heal()
        user.join()
    customer.resume_all()
    customer.assert_kept(SETTLES_WITHIN_S)
    tally.add(cluster, customer, nemesis)
    customer.close()


def main() -> None:
    """Soak for so long, then say what was survived."""
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
                play_round(cluster, nemesis, tally)
            except AssertionError as fault:
                print(tally.report(nemesis.deeds))  # noqa: T201  # the report is the point
                sys.exit(f"seed {options.seed}, round {tally.rounds + 1}: {fault}")
            print(f"round {tally.rounds}: {tally.accepted} jobs, all kept", flush=True)  # noqa: T201  # as above
    print(f"seed {options.seed}, {options.minutes:g} minutes\n{tally.report(nemesis.deeds)}")  # noqa: T201  # as above


if __name__ == "__main__":
    main()
