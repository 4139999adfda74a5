"""Kills the service processes when `ninefold up` dies without stopping them: `python -m ninefold.local.orphan_guard`.

The guard process reads lines of process ids from stdin; each line replaces the line before. Stdin closes when `up`
dies; the guard then kills the process group of every id in the last line. On Linux each service process also dies by
itself (parent_death.py), but the processes that it started do not, and other systems have no such signal.
"""

import os
import signal
import subprocess
import sys


class OrphanGuard:
    """Starts the guard process and sends it the ids of the running service processes."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._pids: list[int] = []

    def watch(self, pids: list[int]) -> None:
        """Send the ids of the processes to kill; they replace the ids sent before."""
        self._pids = pids
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "ninefold.local.orphan_guard"],
                stdin=subprocess.PIPE,
                start_new_session=True,
            )
        assert self._process.stdin is not None  # noqa: S101 - stdin=PIPE above
        try:
            self._process.stdin.write(" ".join(map(str, pids)).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            self._process.wait()  # the guard process was killed; `restart_if_dead` starts another

    def restart_if_dead(self) -> None:
        """Start the guard process again if another program killed it."""
        if self._process is not None and self._process.poll() is not None:
            self._process = None
            self.watch(self._pids)

    def close(self) -> None:
        """End the guard process; call this after all service processes have ended."""
        if self._process is None or self._process.stdin is None:
            return
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()


def kill_groups(pids: list[int]) -> None:
    """Kill the process group of each id: the process and the processes that it started in its session."""
    for pid in pids:
        try:
            os.killpg(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue


def main() -> None:
    """Read process ids until stdin closes, then kill their groups. Ctrl-C in the terminal is for `up` alone."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    pids: list[int] = []
    for line in sys.stdin:
        pids = [int(pid) for pid in line.split()]
    kill_groups(pids)


if __name__ == "__main__":
    main()
