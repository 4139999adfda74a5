"""A small Ninefold of real processes: one Valkey, APIs, workers, and a link of its own for each."""

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from benchmarks.service.running import free_port
from model.host.failpoints import Failpoint
from model.storage.opening import open_storage
from tests.chaos import mutants
from tests.chaos.cluster_process import Member
from tests.chaos.fault_plans import Act, Plans
from tests.chaos.history import Entry, History
from tests.chaos.network import Link, Network
from tests.chaos.valkey import DurableValkey
from tests.ninefold.processes import eventually
from tests.worker.processes import children_of
from worker.queue.live_workers import LiveWorkers, WorkerState
from worker.queue.store import JobStore
from worker.redis_server.connection import connect

LEASE_S = 3.0
RENEW_EVERY_S = 0.25
STALL_TIMEOUT_S = 6.0


class Cluster:
    """All of it, in one folder."""

    def __init__(
        self,
        folder: Path,
        *,
        apis: int = 2,
        workers: int = 2,
        trainer: str = "trainer",
        lease_s: float = LEASE_S,
        renew_every_s: float = RENEW_EVERY_S,
        appendonly: bool = True,
    ) -> None:
        """`trainer`: a role of tests/chaos/instrumented.py; `appendonly`: false is a mutant."""
        self._folder = folder
        self._trainer = trainer
        self._lease_s = lease_s
        self._renew_every_s = renew_every_s
        (folder / mutants.FOLDER).mkdir()
        self.storage_folder = folder / "storage"
        self.storage = open_storage(self.storage_folder.as_uri())
        self.history = History(folder)
        self.plans = Plans(folder, self.history)
        self.network = Network()
        self.valkey = DurableValkey(folder, free_port(), appendonly=appendonly)
        self.valkey.start()
        self._client = connect(self.valkey.url)
        self.store = JobStore(self._client)
        self._presence = LiveWorkers(self._client)
        self.links: dict[str, Link] = {}
        self._ports: list[int] = []
        self.apis = [self._make_api(number) for number in range(apis)]
        self.workers = [self._make_worker(number) for number in range(workers)]

    @property
    def urls(self) -> list[str]:
        """Where the APIs are, also after they died and came back."""
        return [f"http://127.0.0.1:{port}" for port in self._ports]

    @property
    def members(self) -> list[Member]:
        """All but Valkey."""
        return [*self.apis, *self.workers]

    def become_idle(self) -> None:
        """Whole, with nothing left to do."""
        self.heal()
        for worker in self.workers:
            eventually(partial(self._is_up_and_idle, worker), 40, f"{worker.name} is idle")

    def start_over(self) -> None:
        """With an empty record: what a mutant wrote into it nobody needs to cope with."""
        for member in self.members:
            member.close()
        self.valkey.start()
        self._client.flushall()
        self.heal()

    def heal(self) -> None:
        """Everything runs, nothing is planned, nothing is wrong with any link."""
        self.plans.forget()
        for switch in (self._folder / mutants.FOLDER).iterdir():
            switch.unlink()
        for link in self.links.values():
            link.heal()
        self.valkey.start()
        for member in self.members:
            member.start()
            member.thaw()
        for index in range(len(self.apis)):
            eventually(partial(self._is_up_and_serves, index), 40, f"API {index} serves")

    def serves(self, index: int) -> bool:
        """Whether this API answers."""
        with suppress(httpx.TransportError):
            return httpx.get(f"{self.urls[index]}/healthz", timeout=5).is_success
        return False

    def is_idle(self, worker: Member) -> bool:
        """Whether it waits for a job, with a spare."""
        state = self._state_of(worker)
        return state is WorkerState.IDLE and bool(self.trainers_of(worker))

    def trainers_of(self, worker: Member) -> list[int]:
        """Its trainers, the spare among them."""
        return children_of(worker.pid, "--parent")

    def holder_of(self, job_id: str) -> Member:
        """The worker that runs a job."""
        name = self.store.get(job_id).attempts[-1].worker
        return next(worker for worker in self.workers if name.endswith(f"-{worker.pid}"))

    def turn_off(self, mutant: str) -> None:
        """Make this cluster a mutant, until it is healed."""
        (self._folder / mutants.FOLDER / mutant).touch()

    def await_fall(self, at: Failpoint, within_s: float = 30) -> Entry:
        """Wait until somebody did what was planned at this failpoint."""
        eventually(lambda: self._fallen(at), within_s, f"somebody reaches {at}")
        return self._fallen(at)[-1]

    def fallen_worker(self, at: Failpoint) -> Member:
        """Wait until a worker did what was planned at this failpoint; that one."""
        pid = self.await_fall(at)["pid"]
        return next(worker for worker in self.workers if worker.pid == pid)

    def plan(self, role: str, at: Failpoint, act: Act, *, nth: int = 1, delay_s: float = 0.0) -> None:
        """Have a process of this role do this there, once."""
        self.plans.make(role, at, act, nth=nth, delay_s=delay_s)

    def go_on(self, pid: int) -> None:
        """SIGCONT to a process that stopped itself."""
        os.kill(pid, signal.SIGCONT)

    def kill_process(self, pid: int) -> None:
        """kill -9 of one that may have ended by itself."""
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        """End all of it."""
        self._client.close()
        for member in self.members:
            member.close()
        self.valkey.close()
        self.network.close()

    def _fallen(self, at: Failpoint) -> list[Entry]:
        return [entry for entry in self.history.entries("fell") if entry["failpoint"] == at]

    # One that was to die may have been dying still when all were started: see to it again.

    def _is_up_and_serves(self, index: int) -> bool:
        self.apis[index].start()
        return self.serves(index)

    def _is_up_and_idle(self, worker: Member) -> bool:
        worker.start()
        return self.is_idle(worker)

    def _state_of(self, worker: Member) -> WorkerState | None:
        name = f"-{worker.pid}"
        return next((w.state for w in self._presence.list_workers() if w.id.endswith(name)), None)

    def _make_api(self, number: int) -> Member:
        port = free_port()
        self._ports.append(port)
        return self._make_member(f"api-{number}", [], {"NINEFOLD_PORT": str(port)})

    def _make_worker(self, number: int) -> Member:
        return self._make_member(f"worker-{number}", [self._trainer], {})

    def _make_member(self, name: str, arguments: Sequence[str], environment: dict[str, str]) -> Member:
        self.links[name] = link = self.network.open_link(self.valkey.port)
        role = name.partition("-")[0]
        command = [sys.executable, "-m", "tests.chaos.instrumented", role, str(self._folder), *arguments]
        return Member(name, command, self._environment(link.port) | environment, self._folder / f"{name}.log")

    def _environment(self, port: int) -> dict[str, str]:
        return {
            "REDIS_URL": f"redis://127.0.0.1:{port}/0",
            "NINEFOLD_STORAGE": self.storage_folder.as_uri(),
            "NINEFOLD_CACHE_DIR": str(self._folder / "cache"),
            "NINEFOLD_RUNTIME_DIR": str(self._folder),
            # One that is not there: nobody predicts here, and torch need not be imported.
            "NINEFOLD_PREDICTOR": "unix:/tmp/nf-no-predictor.sock",
            "NINEFOLD_LEASE_S": str(self._lease_s),
            "NINEFOLD_RENEW_EVERY_S": str(self._renew_every_s),
            "NINEFOLD_STALL_TIMEOUT_S": str(STALL_TIMEOUT_S),
            "NINEFOLD_THREADS": "1",
            "NINEFOLD_DEVICES": "cpu",
        }


@contextmanager
def running_cluster(**options: Any) -> Iterator[Cluster]:
    """A cluster that is whole and idle, with the options of `Cluster`; after it nothing of it is left."""
    # A spare that was just being started when its worker was killed may still write there.
    with TemporaryDirectory(prefix="nf-chaos-", ignore_cleanup_errors=True) as folder:
        cluster = Cluster(Path(folder), **options)
        try:
            cluster.become_idle()
            yield cluster
        finally:
            cluster.close()
