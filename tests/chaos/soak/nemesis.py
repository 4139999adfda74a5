"""The nemesis (a Jepsen term): injects random faults from a seed, and remembers which workers it disturbed."""

import random
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

from tests.chaos.cluster.cluster import LEASE_S, Cluster
from tests.chaos.cluster.process import ClusterProcess
from worker.errors import StoreUnavailableError
from worker.queue.kinds import Lane

MAX_OUTAGE_S = 1.5 * LEASE_S
PAUSE_S = (0.5, 4.0)
"""Shortest and longest time between two faults."""


class Nemesis:
    """The nemesis of a whole soak test."""

    def __init__(self, cluster: Cluster, seed: int) -> None:
        self._cluster = cluster
        self.random = random.Random(seed)  # noqa: S311  # reproducible, not secret
        self.faults: Counter[str] = Counter()
        self.disturbed_pids: set[int] = set()
        """Process ids of workers that may lose a job because of a fault."""
        self.kills_of_holders: list[tuple[str, int, float]] = []
        """Job id, attempt number, and the time when the worker that held the job was killed."""

    def inject_faults(self, seconds: float) -> None:
        """Inject one random fault after the other."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            fault = self.random.choice(self._known_faults())
            self.faults[fault.__name__.strip("_")] += 1
            fault()
            time.sleep(self.random.uniform(*PAUSE_S))

    def _known_faults(self) -> list[Callable[[], None]]:
        return [
            *(
                self._kill_worker,
                self._kill_worker,
                self._freeze_worker,
                self._terminate_worker,
                self._kill_children,
            ),
            *(self._kill_api, self._kill_valkey, self._tear_valkey, self._freeze_valkey),
            *(self._cut_links, self._delay_links, self._lose_replies, self._black_hole),
        ]

    def _worker(self) -> ClusterProcess:
        worker = self.random.choice(self._cluster.workers)
        if not worker.is_running:
            worker.start()
        self.disturbed_pids.add(worker.pid)
        return worker

    def _kill_worker(self) -> None:
        worker = self._worker()
        self._remember_held_jobs(worker)
        worker.restart()

    def _remember_held_jobs(self, worker: ClusterProcess) -> None:
        with suppress(StoreUnavailableError):
            for lease in self._cluster.store.watch().leases:
                if lease.lane is not Lane.TRAINING:
                    continue
                attempt = self._cluster.store.get(lease.item_id).attempts[-1]
                if attempt.worker.endswith(f"-{worker.pid}"):
                    self.kills_of_holders.append((lease.item_id, attempt.number, time.monotonic()))

    def _freeze_worker(self) -> None:
        worker = self._worker()
        worker.freeze()
        time.sleep(self.random.uniform(0.2, 2.5 * LEASE_S))
        worker.unfreeze()

    def _terminate_worker(self) -> None:
        worker = self._worker()
        worker.terminate()
        worker.wait(120)
        worker.start()

    def _kill_children(self) -> None:
        for pid in self._cluster.trainers_of(self._worker()):
            self._cluster.kill_process(pid)

    def _kill_api(self) -> None:
        self.random.choice(self._cluster.apis).restart()

    def _kill_valkey(self) -> None:
        self._cluster.valkey.kill()
        time.sleep(self.random.uniform(0, MAX_OUTAGE_S))
        self._cluster.valkey.start()

    def _tear_valkey(self) -> None:
        self._cluster.valkey.kill()
        self._cluster.valkey.tear_tail()
        self._cluster.valkey.start()

    def _freeze_valkey(self) -> None:
        self._cluster.valkey.freeze()
        time.sleep(self.random.uniform(0.2, MAX_OUTAGE_S))
        self._cluster.valkey.unfreeze()

    def _cut_links(self) -> None:
        for link in self._cluster.links.values():
            link.cut()
        self._repair_links_after(self.random.uniform(0, 1))

    def _delay_links(self) -> None:
        for link in self._cluster.links.values():
            link.delay_s = self.random.uniform(0.01, 0.2)
        self._repair_links_after(self.random.uniform(1, 3))

    def _lose_replies(self) -> None:
        for link in self._cluster.links.values():
            link.replies_to_lose = self.random.randint(1, 5)

    def _black_hole(self) -> None:
        worker = self._worker()
        self._cluster.links[worker.name].is_black_hole = True
        self._repair_links_after(self.random.uniform(0.5, 2.5 * LEASE_S))

    def _repair_links_after(self, seconds: float) -> None:
        # Any worker may lose its lease while its link is broken.
        self.disturbed_pids |= {worker.pid for worker in self._cluster.workers}
        time.sleep(seconds)
        for link in self._cluster.links.values():
            link.repair()
