"""The whole service as the browser tests see it: `ninefold up` and its children."""

import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import httpx

START_S = 120.0


@dataclass
class Service:
    """A running `ninefold up`."""

    process: subprocess.Popen[bytes]
    url: str
    http: httpx.Client

    def wait_until_ready(self) -> None:
        """Until /readyz says so."""
        deadline = time.monotonic() + START_S
        while not self._is_ready():
            assert self.process.poll() is None, "ninefold up ended"
            assert time.monotonic() < deadline, "not ready in time"
            time.sleep(0.2)

    def _is_ready(self) -> bool:
        try:
            return self.http.get("/readyz").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def pid_of(self, module: str) -> int:
        """The child that runs `python -m MODULE`."""
        for pid in (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()):
            if _parent_of(pid) == self.process.pid and _command_of(pid)[1:3] == ["-m", module]:
                return pid
        raise LookupError(module)


def _parent_of(pid: int) -> int | None:
    """None when it has ended."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


def _command_of(pid: int) -> list[str]:
    """A process's command line."""
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")


def free_port() -> int:
    """One that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
