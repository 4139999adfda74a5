"""Reads from /proc what the processes of a service cost."""

import os
import re
from contextlib import suppress
from pathlib import Path

ROLES = {
    "valkey": re.compile(r"valkey-server"),
    "predictor": re.compile(r"-m api\.predictor"),
    "trainer": re.compile(r"-m worker\.trainer"),
    "api": re.compile(r"-m api( |$)"),
    "worker": re.compile(r"-m worker( |$)|\[celeryd"),
    "guard": re.compile(r"-m ninefold\.guard"),
    "up": re.compile(r"-m ninefold( |$)|bin/ninefold"),
}
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def roles_below(pid: int) -> dict[int, str]:
    """The process and all below it, by process id, with their roles."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    family = {pid}
    while grown := {child for child, parent in parents.items() if parent in family} - family:
        family |= grown
    return {member: _role(member) for member in family}


def _role(pid: int) -> str:
    try:
        line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return "gone"
    return next((role for role, words in ROLES.items() if words.search(line)), "other")


def memory_mb(pid: int) -> float:
    """Resident memory, pages shared with other processes counted in their share."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.findall(r"^Pss:\s+(\d+)", rollup, re.MULTILINE)[0]) / 1024


def resident_mb(pid: int) -> float:
    """Resident memory, shared pages counted in full."""
    return int(re.findall(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[0]) / 1024


def has_torch(pid: int) -> bool:
    """Whether torch's library is mapped into the process."""
    return "libtorch" in Path(f"/proc/{pid}/maps").read_text()


def cpu_s(pid: int) -> float:
    """CPU seconds of the process itself so far; 0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S
