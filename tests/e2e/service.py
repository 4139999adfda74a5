"""A complete service, started with `ninefold up` as a user would start it, and its processes."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from ninefold import Client
from ninefold.client.transport import Json
from tests.narrow_processes import NARROW
from tests.ninefold.processes import command_line, descendants, eventually, is_alive

ROLES = {
    "valkey": re.compile(r"valkey-server"),
    "api": re.compile(r"-m api( |$)"),
    "predictor": re.compile(r"-m api\.predictor"),
    "worker": re.compile(r"-m worker( |$)|\[celeryd"),
    "trainer": re.compile(r"-m worker\.kinds\.training\.trainer"),
}
START_S = 90
NO_STATES = {"NINEFOLD_KEEP_STATES": "0"}
"""A training state of 105 MB costs as much time as a short training; the tests of the dashboard keep them."""
FAST_LEASE = {"NINEFOLD_LEASE_S": "3", "NINEFOLD_RENEW_EVERY_S": "0.5"}
ONE_THREAD = {"NINEFOLD_THREADS": "1"}
"""For networks so small, two threads that share the CPUs with other tests take four times the CPU time of one."""
QUICK = {**FAST_LEASE, **ONE_THREAD, **NO_STATES, **NARROW}
ENDLESS = 1000
"""A number of epochs that no test waits for: the job runs until it is stopped."""
NINEFOLD = [sys.executable, "-m", "ninefold"]
UNUSABLE_PROXIES = {
    "HTTP_PROXY": "http://127.0.0.1:1",
    "ALL_PROXY": "socks5://127.0.0.1:1",
    "NO_PROXY": "[::1],fd00::/8",
    "SSL_CERT_FILE": "/nowhere/certificates.pem",
}
"""What an office machine may have; nothing on this machine is behind a proxy, so all must work as without these."""


class Service:
    """One `ninefold up` with its own data folder."""

    def __init__(
        self, data_dir: Path, port: int = 0, environment: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self._started_at: dict[int, int] = {}
        """The start time of each process that was ever seen below `up`, by process id."""
        self.output: list[str] = []
        # The service dies with this process, so a killed test run leaves no service behind.
        run_tied = [sys.executable, "-m", "ninefold.local.parent_death", str(os.getpid())]
        self.process = subprocess.Popen(
            [*run_tied, *NINEFOLD, "up", "--port", str(port), "--data-dir", str(data_dir)],
            env={**os.environ, **UNUSABLE_PROXIES, **QUICK, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read_output, daemon=True)
        self._reader.start()
        try:
            eventually(
                lambda: self.url or self.process.poll() is not None,
                START_S,
                "`ninefold up` prints its address",
            )
        except AssertionError as error:
            self.kill()
            raise AssertionError(f"{error}: {self.output}") from None
        assert self.url, self.output
        self.client = Client(self.url)

    def _read_output(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.output.append(line.rstrip())

    @property
    def url(self) -> str:
        """The address that `up` printed; empty until the service is ready."""
        found = re.search(r"Dashboard\s+(http://\S+?)/?(\s|$)", "\n".join(self.output))
        return found.group(1) if found else ""

    def processes(self) -> dict[int, str]:
        """The command lines, by process id, of the live processes that `up` started, directly or indirectly."""
        self._started_at |= descendants(self.process.pid)
        return {pid: command_line(pid) for pid, started in self._started_at.items() if is_alive(pid, started)}

    def pids(self, role: str) -> list[int]:
        """The ids of the live processes of one role."""
        return sorted(pid for pid, line in self.processes().items() if ROLES[role].search(line))

    def environment_of(self, role: str) -> dict[str, str]:
        """The environment variables of the first process of a role."""
        variables = Path(f"/proc/{self.pids(role)[0]}/environ").read_bytes().decode().split("\0")
        return dict(variable.split("=", 1) for variable in variables if "=" in variable)

    def kill_role(self, role: str) -> list[int]:
        """Send SIGKILL to each process of a role; returns their ids."""
        pids = self.pids(role)
        assert pids, f"no {role} among {self.processes()}"
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        return pids

    @contextmanager
    def frozen_light_worker(self) -> Iterator[None]:
        """No import begins in the block; the worker continues after it."""
        [pid] = [pid for pid, line in self.processes().items() if "-m worker " in line and " light" in line]
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def terminate(self, within_s: float) -> int:
        """Send SIGTERM to `up` and return its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(within_s)

    def kill(self) -> None:
        """Send SIGKILL to `up`."""
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """End the service and every process that it left behind."""
        self.client.close()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.kill()
        for pid in self.processes():
            os.kill(pid, signal.SIGKILL)
        self._reader.join(5)
        assert self.process.stdout
        self.process.stdout.close()

    def submit(self, epochs: int) -> str:
        """Submit a small job with the recipe that trains fastest on few images; returns the job's id."""
        spec = {"recipe": "classic", "image_size": 16, "batch_size": 16, "promote": "first"}
        job = self.client.submit("tiny", epochs=epochs, **spec)
        return str(job["id"])

    def wait_for_epoch(self, job_id: str, epoch: int) -> None:
        """Wait until the job has reported this epoch."""
        for event in self.client.events(job_id):
            assert event.kind != "end", self.client.job(job_id)
            if event.kind == "epoch" and event.data["epoch"] >= epoch:
                return

    def finish(self, job_id: str) -> Json:
        """Stop a job after its next epoch, check that each epoch was reported once and in order, and return the job's record."""
        self.wait_for_epoch(job_id, self.client.job(job_id)["metrics"]["epoch"] + 1)
        self.client.stop(job_id)
        job = self.client.wait(job_id)
        epochs = [row["epoch"] for row in self.client.metrics(job_id)]
        assert epochs == list(range(1, len(epochs) + 1))
        return job


@contextmanager
def running_service(data_dir: Path, tiny_folder: Path) -> Iterator[Service]:
    """Yield a service to which the dataset `tiny` was added."""
    service = Service(data_dir)
    try:
        service.client.add_dataset(tiny_folder, "tiny")
        yield service
    finally:
        service.close()
