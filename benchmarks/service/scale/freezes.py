"""How long a server keeps its other clients waiting: `python -m benchmarks.service.scale.freezes SOCKET PID`.

A client sends a PING each millisecond and reads the CPU time of the server between two replies. What other programs on this
machine take from the server does not count, and nothing that the server does is missed: a pipeline, a transaction, its own
timers. The server's work between two PINGs counts too, so that a result is too high rather than too low.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

_EVERY_S = 0.001


@dataclass
class Freezes:
    """The longest freeze, in milliseconds of CPU time of the server."""

    longest_ms: float = 0.0


@contextmanager
def watched_freezes(path: str, pid: int) -> Iterator[Freezes]:
    """Watch the server with this Unix socket and process while the block runs; the result is there after it."""
    command = [sys.executable, "-m", __name__, path, str(pid)]
    found = Freezes()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as watcher:
        assert watcher.stdout is not None
        watcher.stdout.readline()  # it watches
        yield found
        out, _ = watcher.communicate()
    found.longest_ms = float(out)


def main() -> None:
    """Watch until the standard input is closed, then print the longest freeze."""
    path, pid = sys.argv[1], int(sys.argv[2])
    # With a delay of this process the result would be too high.
    with suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(2))
    os.set_blocking(0, False)
    longest_s = 0.0
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        _ping(connection)
        before_s = _cpu_s(pid)
        sys.stdout.write("watching\n")
        sys.stdout.flush()
        while not _is_closed():
            time.sleep(_EVERY_S)
            _ping(connection)
            now_s = _cpu_s(pid)
            longest_s = max(longest_s, now_s - before_s)
            before_s = now_s
    sys.stdout.write(f"{1e3 * longest_s}\n")


def _is_closed() -> bool:
    try:
        return os.read(0, 1) == b""
    except BlockingIOError:
        return False


def _ping(connection: socket.socket) -> None:
    connection.sendall(b"PING\r\n")
    assert connection.recv(64) == b"+PONG\r\n"


def _cpu_s(pid: int) -> float:
    """Return the CPU time that a process has used: the clock of another process, as clock_getcpuclockid(3) makes it."""
    return time.clock_gettime((~pid << 3) | 2)


if __name__ == "__main__":
    main()
