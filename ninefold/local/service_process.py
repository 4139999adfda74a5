"""One process of `ninefold up`: started in its own session, logged to a file, restarted with backoff when it ends."""

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
"""A process that ran at least this long is restarted after the first, shortest delay."""

LineSink = Callable[[str, str], None]
"""Receives (role, line) for each line that a service process prints."""


class ServiceProcess:
    """Runs one command until `terminate` or `kill`; `supervise` restarts the command when it ends."""

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
        self._quick_deaths = 0

    @property
    def pid(self) -> int | None:
        """The process id, or None while the command is not running."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        """Start the command; its output goes to the log."""
        run_tied = [sys.executable, "-P", "-m", "ninefold.local.parent_death", str(os.getpid())]
        self._process = subprocess.Popen(
            [*run_tied, *self._command],
            env=dict(self._environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._started_at = time.monotonic()
        self._restart_at = None
        assert self._process.stdout is not None  # noqa: S101 - stdout=PIPE above
        threading.Thread(target=self._copy_output, args=(self._process.stdout,), daemon=True).start()

    def _copy_output(self, output: IO[bytes]) -> None:
        with output:
            for line in output:
                self.log.write(line)
                self._on_line(self.role, line.decode(errors="replace").rstrip())

    def supervise(self) -> int | None:
        """Check the process once, and restart it when its backoff is over; call this regularly.

        Returns the exit status in the first call after the process ended, otherwise None.
        """
        now = time.monotonic()
        if self._restart_at is not None:
            if now >= self._restart_at:
                self.start()
            return None
        if self._process is None or (status := self._process.poll()) is None:
            return None
        self._quick_deaths = 0 if now - self._started_at >= STABLE_S else self._quick_deaths + 1
        self._restart_at = now + min(FIRST_DELAY_S * 2**self._quick_deaths, LONGEST_DELAY_S)
        self._kill_group()  # processes that it started and left running
        return status

    def terminate(self) -> None:
        """Send SIGTERM to the process alone: the process ends its own children."""
        self._restart_at = None
        if self._process and self._process.poll() is None:
            self._process.terminate()

    def wait(self, deadline: float) -> bool:
        """Wait for the end of the process; return whether it ended by the deadline (monotonic seconds)."""
        if self._process is None:
            return True
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self) -> None:
        """Kill the process and its process group, and do not restart it."""
        self._restart_at = None
        self._kill_group()
        if self._process:
            self._process.wait()

    def _kill_group(self) -> None:
        if self._process is None:
            return
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):  # macOS raises EPERM for a group of zombies
            return
