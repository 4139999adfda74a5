"""How many CPUs this process may use, and how it shares them. Imports no torch."""

import os
from pathlib import Path

# Some microseconds: enough to meet threads that run, too little to hold a CPU that others need.
_SPINS = 1000
_CGROUP = Path("/sys/fs/cgroup")


def cpu_quota() -> int:
    """Whole CPUs that affinity and the control group's quota leave, at least 1."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _quota_v2() or _quota_v1()
    return max(1, min(affinity, int(quota))) if quota else affinity


def limit_openmp_spinning() -> None:
    """Let OpenMP's threads sleep soon while they wait for each other; to be called before torch is imported.

    They spin by default. Where another process wants the same CPUs, each of the thousands of waits in a
    step then lasts until the scheduler takes the spinning thread away: steps took 3 times as long.
    """
    os.putenv("GOMP_SPINCOUNT", str(_SPINS))


def _quota_v2() -> float | None:
    quota, _, period = _read(_CGROUP / "cpu.max").partition(" ")
    return int(quota) / int(period) if quota.isdigit() else None


def _quota_v1() -> float | None:
    quota, period = (_read(_CGROUP / "cpu" / f"cpu.cfs_{name}_us") for name in ("quota", "period"))
    return int(quota) / int(period) if quota.isdigit() else None


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
