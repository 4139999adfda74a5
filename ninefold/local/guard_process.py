"""Starts the guard (orphan_guard.py) and keeps it told."""

import subprocess
import sys


class Guard:
    """The process that ends the others if this one is killed (orphan_guard.py)."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._pids: list[int] = []

    def watch(self, pids: list[int]) -> None:
        """Name the processes to end, instead of those named before."""
        self._pids = pids
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "ninefold.local.orphan_guard"],
                stdin=subprocess.PIPE,
                start_new_session=True,
            )
        assert self._process.stdin is not None  # noqa: S101 - we asked for a pipe
        try:
            self._process.stdin.write(" ".join(map(str, pids)).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            self._process.wait()  # `tend` starts another

    def tend(self) -> None:
        """Start it again if somebody killed it."""
        if self._process is not None and self._process.poll() is not None:
            self._process = None
            self.watch(self._pids)

    def close(self) -> None:
        """End it; by now there is nothing left to guard."""
        if self._process is None or self._process.stdin is None:
            return
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
