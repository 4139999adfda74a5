"""The number of CPUs that this process may use, and how its OpenMP threads wait. Imports no torch."""

import os
from pathlib import Path

# A few microseconds: enough to wait for threads that are running, too short to block other processes.
_SPINS = 1000
_CGROUP = Path("/sys/fs/cgroup")


def cpu_quota() -> int:
    """Return the whole number of CPUs that the CPU affinity and the cgroup's quota allow, at least 1."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _quota_v2() or _quota_v1()
    return max(1, min(affinity, int(quota))) if quota else affinity


def limit_openmp_spinning() -> None:
    """Limit how long OpenMP's threads spin while they wait for each other. Call before torch is imported.

    By default the threads spin for long. When another process needs the same CPUs, each of the thousands of waits of a
    training step then lasts until the scheduler preempts the spinning thread: steps took 3 times as long.
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
