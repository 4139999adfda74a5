"""One process of the cluster, which can be started, killed, stopped, continued, and asked to end."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.ninefold.processes import descendants, eventually, is_alive

TIED_TO_PARENT = [sys.executable, "-m", "ninefold.local.parent_death"]
"""Ends the process when the test run is killed."""


class ClusterProcess:
    """A named process, started again under the same name after each death."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        folder: Path | None = None,
    ) -> None:
        """`folder`: the working directory; that of the test run if None."""
        self.name = name
        self._folder = folder
        self._command = [*TIED_TO_PARENT, str(os.getpid()), *command]
        self._environment = {**os.environ, **environment}
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process unless it runs."""
        if self.is_running:
            return
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, env=self._environment, stdout=log, stderr=subprocess.STDOUT, cwd=self._folder
            )

    @property
    def pid(self) -> int:
        """The id of the running process, or of the last one."""
        assert self._process, f"{self.name} was never started"
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the process exists, stopped (SIGSTOP) or not."""
        return self._process is not None and self._process.poll() is None

    def kill(self) -> dict[int, int]:
        """Kill the process alone with SIGKILL; returns the process and its descendants with their start times."""
        family = descendants(self.pid)
        assert self._process
        self._process.kill()
        self._process.wait()
        return family

    def freeze(self) -> None:
        """Send SIGSTOP to the process and its descendants."""
        self._signal_all(signal.SIGSTOP)

    def unfreeze(self) -> None:
        """Send SIGCONT to the process and its descendants."""
        self._signal_all(signal.SIGCONT)

    def terminate(self) -> None:
        """Send SIGTERM."""
        os.kill(self.pid, signal.SIGTERM)

    def wait(self, within_s: float) -> int:
        """Wait until the process exits; returns its exit status."""
        assert self._process
        return self._process.wait(within_s)

    def restart(self) -> None:
        """Kill the process with SIGKILL and start it again."""
        self.kill()
        self.start()

    def close(self) -> None:
        """Kill the process and wait until all its descendants are gone."""
        if self._process is None:
            return
        family = self.kill() if self.is_running else {}
        eventually(
            lambda: not any(is_alive(*process) for process in family.items()),
            60,
            f"all processes of {self.name} are gone",
        )

    def _signal_all(self, number: signal.Signals) -> None:
        for pid in descendants(self.pid):
            os.kill(pid, number)
