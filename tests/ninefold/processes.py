"""Finds processes in /proc, and waits for conditions."""

import time
from collections.abc import Callable
from pathlib import Path


def command_line(pid: int) -> str:
    """Return the command line of a process; empty if the process has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def descendants(pid: int) -> dict[int, int]:
    """Return the start time of the process and of each process below it, by process id.

    Process ids are reused; an id together with its start time is not.
    """
    stats = {int(stat.parent.name): _read_stat(stat) for stat in Path("/proc").glob("[0-9]*/stat")}
    table = {member: stat for member, stat in stats.items() if stat}
    family = {pid} & table.keys()
    while children := {child for child, (parent, _) in table.items() if parent in family} - family:
        family |= children
    return {member: table[member][1] for member in family}


def is_alive(pid: int, started: int) -> bool:
    """Whether the process with this id and this start time still runs."""
    stat = _read_stat(Path(f"/proc/{pid}/stat"))
    return stat is not None and stat[1] == started


def _read_stat(stat: Path) -> tuple[int, int] | None:
    """Return the parent and the start time of a process, or None if it has ended."""
    try:
        fields = stat.read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] == "Z" else (int(fields[1]), int(fields[19]))


def eventually(is_true: Callable[[], object], within_s: float, what: str) -> None:
    """Wait until the condition is true; fail after `within_s` seconds."""
    deadline = time.monotonic() + within_s
    while not is_true():
        assert time.monotonic() < deadline, f"not within {within_s} s: {what}"
        time.sleep(0.05)
