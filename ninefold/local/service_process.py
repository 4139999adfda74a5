"""One supervised child process of `ninefold up`: started in its own session, logged, restarted with backoff."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import IO

from ninefold.local.capped_log import CappedLog

FIRST_DELAY_S = 0.2
LONGEST_DELAY_S = 5.0
STABLE_S = 10.0
"""A child that lived this long has earned a quick restart."""

LineSink = Callable[[str, str], None]
"""Hears (role, line) of everything that a part prints."""


class ServiceProcess:
    """A command that should always be running."""

    def __init__(
        self, role: str, command: list[str], environment: Mapping[str, str], log: CappedLog, on_line: LineSink
    ) -> None:
        self.role = role
        self.log = log
        self._command = command
        self._environment = environment
        self._on_line = on_line
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._restart_at: float | None = None
        self._deaths = 0

    @property
    def pid(self) -> int | None:
        """Of the running process."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        """Start the command; what it prints goes to the log."""
        shim = [sys.executable, "-P", "-m", "ninefold.local.parent_death", str(os.getpid())]
        self._process = subprocess.Popen(
            [*shim, *self._command],
            env=dict(self._environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._started_at = time.monotonic()
        self._restart_at = None
        assert self._process.stdout is not None  # noqa: S101 - we asked for a pipe
        threading.Thread(target=self._copy, args=(self._process.stdout,), daemon=True).start()

    def _copy(self, output: IO[bytes]) -> None:
        with output:
            for line in output:
                self.log.write(line)
                self._on_line(self.role, line.decode(errors="replace").rstrip())

    def tend(self) -> int | None:
        """Look after the process once; its exit status at the moment its end is noticed, else `None`."""
        now = time.monotonic()
        if self._restart_at is not None:
            if now >= self._restart_at:
                self.start()
            return None
        if self._process is None or (status := self._process.poll()) is None:
            return None
        self._deaths = 0 if now - self._started_at >= STABLE_S else self._deaths + 1
        self._restart_at = now + min(FIRST_DELAY_S * 2**self._deaths, LONGEST_DELAY_S)
        self._signal(signal.SIGKILL)  # what it left in its own session
        return status

    def terminate(self) -> None:
        """Ask the process to end; the one to do so is the process itself, not its group."""
        self._restart_at = None
        if self._process and self._process.poll() is None:
            self._process.terminate()

    def wait(self, deadline: float) -> bool:
        """Whether the process has ended by the (monotonic) deadline."""
        if self._process is None:
            return True
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self) -> None:
        """End the process and its whole session's group, now."""
        self._restart_at = None
        self._signal(signal.SIGKILL)
        if self._process:
            self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        try:
            os.killpg(self._process.pid, number)
        except (ProcessLookupError, PermissionError):  # macOS says EPERM of a group of zombies
            return
