"""A whole Ninefold as a user starts it, and its real processes."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from ninefold import Client
from ninefold.client.transport import Json
from tests.ninefold.processes import command_line, descendants, eventually, is_alive

ROLES = {
    "valkey": re.compile(r"valkey-server"),
    "api": re.compile(r"-m api( |$)"),
    "predictor": re.compile(r"-m api\.predictor"),
    "worker": re.compile(r"-m worker( |$)|\[celeryd"),
    "trainer": re.compile(r"-m worker\.kinds\.training\.trainer"),
}
START_S = 90
FAST_LEASE = {"NINEFOLD_LEASE_S": "3", "NINEFOLD_RENEW_EVERY_S": "0.5"}
NINEFOLD = [sys.executable, "-m", "ninefold"]


class Service:
    """`ninefold up` in a folder of its own."""

    def __init__(
        self, data_dir: Path, port: int = 0, environment: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self._known: dict[int, int] = {}
        self.output: list[str] = []
        # A test run that is killed takes its services with it.
        tied = [sys.executable, "-m", "ninefold.local.parent_death", str(os.getpid())]
        self.process = subprocess.Popen(
            [*tied, *NINEFOLD, "up", "--port", str(port), "--data-dir", str(data_dir)],
            env={**os.environ, **FAST_LEASE, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            eventually(lambda: self.url or self.process.poll() is not None, START_S, "up says where it is")
        except AssertionError as error:
            self.kill()
            raise AssertionError(f"{error}: {self.output}") from None
        assert self.url, self.output
        self.client = Client(self.url)

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.output.append(line.rstrip())

    @property
    def url(self) -> str:
        """Empty until it is up."""
        found = re.search(r"Dashboard\s+(http://\S+?)/?(\s|$)", "\n".join(self.output))
        return found.group(1) if found else ""

    def processes(self) -> dict[int, str]:
        """All that was ever seen below `up` and still runs, by process id, with command lines."""
        self._known |= descendants(self.process.pid)
        return {pid: command_line(pid) for pid, started in self._known.items() if is_alive(pid, started)}

    def pids(self, role: str) -> list[int]:
        """Processes of one role."""
        return sorted(pid for pid, line in self.processes().items() if ROLES[role].search(line))

    def environment_of(self, role: str) -> dict[str, str]:
        """What a part was started with."""
        words = Path(f"/proc/{self.pids(role)[0]}/environ").read_bytes().decode().split("\0")
        return dict(word.split("=", 1) for word in words if "=" in word)

    def kill_role(self, role: str) -> list[int]:
        """kill -9 each process of a role."""
        pids = self.pids(role)
        assert pids, f"no {role} among {self.processes()}"
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        return pids

    def terminate(self, within_s: float) -> int:
        """SIGTERM to `up`; its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(within_s)

    def kill(self) -> None:
        """kill -9 of `up`."""
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """End it, whatever became of it."""
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
        """A small job, of the recipe whose steps are cheapest for few images; its id."""
        given = {"recipe": "classic", "image_size": 16, "batch_size": 16, "promote": "first"}
        job = self.client.submit("tiny", epochs=epochs, **given)
        return str(job["id"])

    def wait_for_epoch(self, job_id: str, epoch: int) -> None:
        """Until the job has reported this epoch."""
        for event in self.client.events(job_id):
            assert event.kind != "end", self.client.job(job_id)
            if event.kind == "epoch" and event.data["epoch"] >= epoch:
                return

    def assert_succeeds(self, job_id: str, epochs: int) -> Json:
        """Wait for the end; every epoch is there, once and in order."""
        job = self.client.wait(job_id)
        assert [row["epoch"] for row in self.client.metrics(job_id)] == list(range(1, epochs + 1))
        return job
