"""Reads CPU time, memory and role of the service's processes from /proc."""

import os
import re
from contextlib import suppress
from pathlib import Path

ROLES = {
    "valkey": re.compile(r"valkey-server"),
    "predictor": re.compile(r"-m api\.predictor"),
    "trainer": re.compile(r"-m worker\.\S*trainer"),
    "api": re.compile(r"-m api( |$)"),
    "worker": re.compile(r"-m worker( |$)|\[celeryd"),
    "guard": re.compile(r"-m ninefold\.\S*guard"),
    "up": re.compile(r"-m ninefold( |$)|bin/ninefold"),
}
"""A pattern of the command line for each role; the first match counts."""
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def roles_below(pid: int) -> dict[int, str]:
    """Return the role of the process and of each of its descendants, by process id."""
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
        command_line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return "gone"
    return next((role for role, pattern in ROLES.items() if pattern.search(command_line)), "other")


def proportional_mb(pid: int) -> float:
    """Return the proportional set size (Pss): a page that n processes share counts 1/n."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.findall(r"^Pss:\s+(\d+)", rollup, re.MULTILINE)[0]) / 1024


def resident_mb(pid: int) -> float:
    """Return the resident memory (RSS); shared pages count in full."""
    return int(re.findall(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[0]) / 1024


def has_torch(pid: int) -> bool:
    """Return whether torch's library is mapped into the process."""
    return "libtorch" in Path(f"/proc/{pid}/maps").read_text()


def cpu_s(pid: int) -> float:
    """Return the CPU seconds that the process used so far, without its children; 0 when it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S
