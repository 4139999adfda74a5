"""Finds and waits for real processes."""

import time
from collections.abc import Callable
from pathlib import Path


def command_line(pid: int) -> str:
    """Empty when the process is gone or a zombie."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def descendants(pid: int) -> dict[int, int]:
    """The process and all below it, each with the time it started: together they name a process for good."""
    table: dict[int, tuple[int, int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if fields[0] != "Z":
            table[int(stat.parent.name)] = (int(fields[1]), int(fields[19]))
    family = {pid} & table.keys()
    while grown := {child for child, (parent, _) in table.items() if parent in family} - family:
        family |= grown
    return {member: table[member][1] for member in family}


def is_alive(pid: int, started: int) -> bool:
    """Whether this very process still runs."""
    return descendants(pid).get(pid) == started


def eventually(is_true: Callable[[], object], within_s: float, what: str) -> None:
    """Fail unless it becomes true in time."""
    deadline = time.monotonic() + within_s
    while not is_true():
        assert time.monotonic() < deadline, f"not within {within_s} s: {what}"
        time.sleep(0.05)
