"""A simulated fleet: workers with running jobs, the upkeep of their processes, and the API processes that read the feed."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from api.feed.hub import BLOCK_MS, EventHub
from benchmarks.service.scale.jobs import progress, submit
from benchmarks.service.scale.server import MeasuredServer
from worker.attempt.messages import PROGRESS_EVERY_S
from worker.queue.feed import Feed
from worker.queue.ids import new_attempt_id
from worker.queue.live_workers import LiveWorkers, WorkerRecord, WorkerState
from worker.queue.store import JobStore
from worker.redis_server.connection import connect, connect_async
from worker.service.heartbeat import HEARTBEAT_EVERY_S
from worker.settings import WorkerSettings
from worker.upkeep.election import Election
from worker.upkeep.reaper import Reaper
from worker.upkeep.roles import Role, RoleStore
from worker.upkeep.upkeep import CANDIDATE_EVERY_S

_RENEW_EVERY_S = 4


class SimulatedWorker:
    """One worker with one device and a connection of its own, which runs one job without end."""

    def __init__(self, url: str, number: int) -> None:
        self.store = JobStore(connect(url))
        self._live_workers = LiveWorkers(self.store.redis)
        self._record = WorkerRecord(
            id=f"host-{number:04}.example:12345",
            host=f"host-{number:04}.example",
            devices=["cuda:0"],
            state=WorkerState.BUSY,
            version="1.0.0",
            started_at=datetime.now(UTC),
        )
        self.job_id = ""
        self._attempt_id = new_attempt_id()
        self._seq = 0

    def begin_job(self) -> None:
        """Submit a job and claim it."""
        submit(self.store)
        claimed = self.store.claim(self._record.id, self._attempt_id)
        assert claimed is not None
        self.job_id = claimed.item_id

    def renew(self) -> None:
        """Renew the lease of the job."""
        self.store.renew(self.job_id, self._attempt_id)

    def send_heartbeat(self) -> None:
        """Send the heartbeat of a live worker."""
        self._live_workers.send_heartbeat(self._record)

    def report_progress(self) -> None:
        """Report the progress of the job."""
        self._seq += 1
        self.store.report(self.job_id, self._attempt_id, self._seq, progress(1, 20, 0.05))


class SimulatedUpkeep:
    """The upkeep of one worker or API process: its part in the election, and while elected the watch over all leases."""

    def __init__(self, url: str) -> None:
        store = JobStore(connect(url))
        lease_s: float = WorkerSettings.model_fields["lease_s"].default
        self._election = Election(RoleStore(store.redis))
        self._reaper = Reaper(store, lease_s, send_wake_up=lambda _: None)
        self._role: Role | None = None

    def act(self, second: int) -> None:
        """Do what the process does in this second."""
        if self._role or second % CANDIDATE_EVERY_S == 0:
            self._role = self._election.stand()
        if self._role:
            self._reaper.check()


@dataclass(frozen=True)
class Fleet:
    """What all processes of a fleet do in one second of their life."""

    workers: list[SimulatedWorker]
    upkeep: list[SimulatedUpkeep]

    def renew(self, second: int) -> None:
        """Renew all leases, as while no job reports, and send the heartbeats that are due."""
        for worker in self.workers:
            worker.renew()
        self.send_heartbeats(second)

    def send_heartbeats(self, second: int) -> None:
        """Send the heartbeats that are due."""
        for number, worker in enumerate(self.workers):
            if (number + second) % HEARTBEAT_EVERY_S == 0:
                worker.send_heartbeat()

    def keep_up(self, second: int) -> None:
        """Stand for election, and watch while elected."""
        for number, process in enumerate(self.upkeep):
            process.act(number + second)

    def report(self, _: int) -> None:
        """Report the progress of all jobs, which renews their leases."""
        for worker in self.workers * round(1 / PROGRESS_EVERY_S):
            worker.report_progress()

    def do_everything(self, second: int) -> None:
        """Send heartbeats, keep up and report."""
        for act in (self.send_heartbeats, self.keep_up, self.report):
            act(second)


def load(
    server: MeasuredServer, workers: list[SimulatedWorker], seconds: int, act: Callable[[int], object]
) -> float:
    """Let a fleet act once a second; return the fraction of a core that the server used.

    When this machine is too slow to act once a second, the CPU time still counts for the simulated seconds. Now and then
    all leases are renewed, which does not count: a reaper would take the jobs.
    """
    used_s = 0.0
    for second in range(seconds):
        if second % _RENEW_EVERY_S == 0:
            for worker in workers:
                worker.renew()
        cpu_before_s, started_at = server.cpu_s(), time.monotonic()
        act(second)
        time.sleep(max(0.0, started_at + 1 - time.monotonic()))
        used_s += server.cpu_s() - cpu_before_s
    return used_s / seconds


@contextmanager
def feed_readers(url: str, processes: int, job_ids: list[str]) -> Iterator[None]:
    """Run the event hub of several API processes, each with a watcher of each of these jobs, while the block runs."""
    loop = asyncio.new_event_loop()
    stopped = asyncio.Event()
    thread = threading.Thread(
        target=loop.run_until_complete, args=(_watch(url, processes, job_ids, stopped),), daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stopped.set)
        thread.join()
        loop.close()


async def _watch(url: str, processes: int, job_ids: list[str], stopped: asyncio.Event) -> None:
    hubs = [EventHub(Feed(connect_async(url, timeout_s=2 * BLOCK_MS / 1000))) for _ in range(processes)]
    with ExitStack() as watches:
        for hub in hubs:
            for job_id in job_ids:
                watches.enter_context(hub.watch(job_id))
        tasks = {asyncio.create_task(hub.run()) for hub in hubs}
        await stopped.wait()
        for hub in hubs:
            hub.close()  # a reader that loses its cancellation, as redis-py may, ends after its current read
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    for hub in hubs:
        await hub.disconnect()
