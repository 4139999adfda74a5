"""A small Ninefold cluster of real processes: one Valkey, APIs and workers, each with its own network link."""

import json
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

from model.host.failpoints import Failpoint
from model.storage.opening import open_storage
from tests.chaos.cluster.network import Link, Network
from tests.chaos.cluster.process import ClusterProcess
from tests.chaos.cluster.valkey import DurableValkey
from tests.chaos.history.history import Entry, History
from tests.chaos.instrumented import mutants
from tests.chaos.instrumented.fault_plans import Fault, FaultPlans
from tests.ninefold.processes import eventually
from tests.ports import free_port
from tests.worker.processes import children_of
from worker.queue.kinds import Lane
from worker.queue.live_workers import LiveWorkers, WorkerRecord, WorkerState
from worker.queue.store import JobStore
from worker.redis_server.connection import connect
from worker.upkeep.roles import Role, RoleStore

LEASE_S = 3.0
RENEW_EVERY_S = 0.25
STALL_TIMEOUT_S = 6.0
START_S = 100
"""A worker imports torch for its standby trainer: 5 s, and many times that where others use the machine."""


class Cluster:
    """All processes of a cluster, in one folder."""

    def __init__(
        self,
        folder: Path,
        *,
        apis: int = 2,
        lanes: Sequence[str] = ("light,training", "light,training"),
        trainer: str = "trainer",
        lease_s: float = LEASE_S,
        renew_every_s: float = RENEW_EVERY_S,
        appendonly: bool = True,
    ) -> None:
        """Start nothing yet but Valkey.

        Args:
            folder: holds everything.
            apis: number of APIs.
            lanes: the lanes of each worker.
            trainer: a role of tests/chaos/instrumented.
            lease_s: duration of a lease.
            renew_every_s: time between two renewals.
            appendonly: False is a mutant.
        """
        self._folder = folder
        self._trainer = trainer
        self._lease_s = lease_s
        self._renew_every_s = renew_every_s
        (folder / mutants.FOLDER).mkdir()
        self.storage_folder = folder / "storage"
        self.storage = open_storage(self.storage_folder.as_uri())
        self.history = History(folder)
        self.plans = FaultPlans(folder, self.history)
        self.network = Network()
        self.valkey = DurableValkey(folder, free_port(), appendonly=appendonly)
        self.valkey.start()
        self._client = connect(self.valkey.url)
        self.store = JobStore(self._client)
        self._live_workers = LiveWorkers(self._client)
        self._roles = RoleStore(self._client)
        self.links: dict[str, Link] = {}
        self._ports: list[int] = []
        self.apis = [self._make_api(number) for number in range(apis)]
        self.workers = [self._make_worker(*numbered) for numbered in enumerate(lanes)]

    @property
    def urls(self) -> list[str]:
        """The URLs of the APIs, which stay the same when an API is restarted."""
        return [f"http://127.0.0.1:{port}" for port in self._ports]

    @property
    def processes(self) -> list[ClusterProcess]:
        """All processes but Valkey."""
        return [*self.apis, *self.workers]

    def wait_until_idle(self) -> None:
        """Repair the cluster and wait until its workers have no job."""
        self.repair()
        for worker in self.workers:
            eventually(partial(self._is_up_and_idle, worker), START_S, f"{worker.name} is idle")

    def reset_records(self) -> None:
        """Delete all records: those that a mutant wrote may be inconsistent."""
        for process in self.processes:
            process.close()
        self.valkey.start()
        self._client.flushall()
        self.repair()

    def repair(self) -> None:
        """Start all processes, delete the fault plans and mutants, and repair all links."""
        self.plans.clear()
        for switch in (self._folder / mutants.FOLDER).iterdir():
            switch.unlink()
        for link in self.links.values():
            link.repair()
        self.valkey.start()
        for process in self.processes:
            process.start()
            process.unfreeze()
        for index in range(len(self.apis)):
            eventually(partial(self._is_up_and_serves, index), START_S, f"API {index} serves")

    def serves(self, index: int) -> bool:
        """Return whether this API answers."""
        with suppress(httpx.TransportError):
            return httpx.get(f"{self.urls[index]}/healthz", timeout=5).is_success
        return False

    def restart_api(self, index: int) -> None:
        """Kill an API with SIGKILL, start it again, and wait until it answers."""
        self.apis[index].restart()
        eventually(partial(self.serves, index), START_S, f"API {index} is back")

    def is_idle(self, worker: ClusterProcess) -> bool:
        """Return whether the worker waits for work; one that trains, with a warm standby."""
        known = self._find(worker)
        if known is None or known.state is not WorkerState.IDLE:
            return False
        return Lane.TRAINING not in known.lanes or bool(self.trainers_of(worker))

    def trainers_of(self, worker: ClusterProcess) -> list[int]:
        """Return the process ids of a worker's trainers, the warm standby included."""
        return children_of(worker.pid, "--parent")

    def holder_of(self, item_id: str) -> ClusterProcess:
        """Return the worker that runs a job or an import."""
        name: str = json.loads(self.store.get_json(item_id))["attempts"][-1]["worker"]
        return next(worker for worker in self.workers if name.endswith(f"-{worker.pid}"))

    def process_with(self, role: Role) -> ClusterProcess | None:
        """Return the process that was elected for a role of the upkeep; None while that process is dead."""
        elected = self._roles.read()[role].process_id
        return next((p for p in self.processes if f"-{p.pid}-" in elected), None)

    def turn_on(self, mutant: str) -> None:
        """Turn a mutant on, until the cluster is repaired."""
        (self._folder / mutants.FOLDER / mutant).touch()

    def await_fault(self, at: Failpoint, within_s: float = 30) -> Entry:
        """Wait until a process executed the fault that was planned at this failpoint; returns the last such entry."""
        eventually(lambda: self._faults_at(at), within_s, f"a process reaches {at}")
        return self._faults_at(at)[-1]

    def await_worker_fault(self, at: Failpoint) -> ClusterProcess:
        """Wait until a worker executed the fault that was planned at this failpoint; returns the worker."""
        pid = self.await_fault(at)["pid"]
        return next(worker for worker in self.workers if worker.pid == pid)

    def plan(self, role: str, at: Failpoint, fault: Fault, *, nth: int = 1, delay_s: float = 0.0) -> None:
        """Plan a fault for the first process of this role that reaches the failpoint for the nth time."""
        self.plans.add(role, at, fault, nth=nth, delay_s=delay_s)

    def kill_process(self, pid: int) -> None:
        """Send SIGKILL to a process, which may have ended already."""
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        """End all processes."""
        self._client.close()
        for process in self.processes:
            process.close()
        self.valkey.close()
        self.network.close()

    def _faults_at(self, at: Failpoint) -> list[Entry]:
        return [entry for entry in self.history.entries("fault") if entry["failpoint"] == at]

    # A process that was being killed while `repair` started the others counted as running: start it again.

    def _is_up_and_serves(self, index: int) -> bool:
        self.apis[index].start()
        return self.serves(index)

    def _is_up_and_idle(self, worker: ClusterProcess) -> bool:
        worker.start()
        return self.is_idle(worker)

    def _find(self, worker: ClusterProcess) -> WorkerRecord | None:
        name = f"-{worker.pid}"
        return next((known for known in self._live_workers.list_workers() if known.id.endswith(name)), None)

    def _make_api(self, number: int) -> ClusterProcess:
        port = free_port()
        self._ports.append(port)
        return self._make_process(f"api-{number}", [], {"NINEFOLD_PORT": str(port)})

    def _make_worker(self, number: int, lanes: str) -> ClusterProcess:
        return self._make_process(f"worker-{number}", [self._trainer], {"NINEFOLD_LANES": lanes})

    def _make_process(
        self, name: str, arguments: Sequence[str], environment: dict[str, str]
    ) -> ClusterProcess:
        self.links[name] = link = self.network.open_link(self.valkey.port)
        role = name.partition("-")[0]
        command = [sys.executable, "-m", "tests.chaos.instrumented", role, str(self._folder), *arguments]
        return ClusterProcess(
            name, command, self._environment(link.port) | environment, self._folder / f"{name}.log"
        )

    def _environment(self, port: int) -> dict[str, str]:
        return {
            "REDIS_URL": f"redis://127.0.0.1:{port}/0",
            "NINEFOLD_STORAGE": self.storage_folder.as_uri(),
            "NINEFOLD_CACHE_DIR": str(self._folder / "cache"),
            "NINEFOLD_RUNTIME_DIR": str(self._folder),
            # No predictor listens here: no test predicts, and so no process imports torch for it.
            "NINEFOLD_PREDICTOR": "unix:/tmp/nf-no-predictor.sock",
            "NINEFOLD_LEASE_S": str(self._lease_s),
            "NINEFOLD_RENEW_EVERY_S": str(self._renew_every_s),
            "NINEFOLD_STALL_TIMEOUT_S": str(STALL_TIMEOUT_S),
            "NINEFOLD_THREADS": "1",
            "NINEFOLD_DEVICES": "cpu",
        }


@contextmanager
def running_cluster(**options: Any) -> Iterator[Cluster]:
    """Yield a healthy and idle cluster with the options of `Cluster`; afterwards end all its processes."""
    # A standby trainer that was starting when its worker was killed may still write to the folder.
    with TemporaryDirectory(prefix="nf-chaos-", ignore_cleanup_errors=True) as folder:
        cluster = Cluster(Path(folder), **options)
        try:
            cluster.wait_until_idle()
            yield cluster
        finally:
            cluster.close()
