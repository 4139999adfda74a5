"""One process of the cluster: started, killed, frozen, thawed, told to end, started again. Knows not what it does."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.ninefold.processes import descendants, eventually, is_alive

TIED = [sys.executable, "-m", "ninefold.local.parent_death"]
"""A test run that is killed takes its processes along."""


class Member:
    """A process by its place in the cluster: the one that runs there now."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self._command = [*TIED, str(os.getpid()), *command]
        self._environment = {**os.environ, **environment}
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, unless it runs."""
        if self.is_running:
            return
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, env=self._environment, stdout=log, stderr=subprocess.STDOUT
            )

    @property
    def pid(self) -> int:
        """Of the process that runs here now, or ran here last."""
        assert self._process, f"{self.name} was never started"
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether there is one, be it frozen."""
        return self._process is not None and self._process.poll() is None

    def kill(self) -> dict[int, int]:
        """kill -9, of it alone; gives it and all that was below it."""
        family = descendants(self.pid)
        assert self._process
        self._process.kill()
        self._process.wait()
        return family

    def freeze(self) -> None:
        """SIGSTOP, to it and all below it."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT, to it and all below it."""
        self._signal_all(signal.SIGCONT)

    def ask_to_end(self) -> None:
        """SIGTERM."""
        os.kill(self.pid, signal.SIGTERM)

    def wait(self, within_s: float) -> int:
        """Its exit status, once it has ended."""
        assert self._process
        return self._process.wait(within_s)

    def restart(self) -> None:
        """kill -9, and another in its place."""
        self.kill()
        self.start()

    def close(self) -> None:
        """Leave nothing behind."""
        if self._process is None:
            return
        family = self.kill() if self.is_running else {}
        eventually(
            lambda: not any(is_alive(*member) for member in family.items()), 25, f"all of {self.name} is gone"
        )

    def _signal_all(self, number: signal.Signals) -> None:
        for pid in descendants(self.pid):
            os.kill(pid, number)
