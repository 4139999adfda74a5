"""The processes of a server that a benchmark started, and what they take (Linux only)."""

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.ninefold.processes import command_line

_PARTS = {
    "predictor": "-m api.predictor --socket",
    "API": "-m api --port",
    "Valkey": "valkey-server",
}


def service_processes() -> dict[str, int]:
    """Return the process ids of the predictor, the API and Valkey below this process."""
    lines = {command_line(pid): pid for pid in family(os.getpid())}
    return {name: pid for name, part in _PARTS.items() for line, pid in lines.items() if part in line}


def family(pid: int) -> Iterator[int]:
    """Yield a process and all below it."""
    yield pid
    for child in children(pid):
        yield from family(child)


def children(pid: int) -> set[int]:
    """Return the processes that a process started and that still run."""
    found: set[int] = set()
    with contextlib.suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            found |= {int(child) for child in (thread / "children").read_text().split()}
    return found


def cpu_ms(pids: Iterable[int]) -> float:
    """Return the CPU time of processes since they started, of all their threads that still run."""
    used_ns = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for thread in Path(f"/proc/{pid}/task").iterdir():
                used_ns += int((thread / "schedstat").read_text().split()[0])
    return used_ns / 1e6


def resident_mib(pid: int) -> int:
    """Return the memory of a process that is not swapped out."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20
