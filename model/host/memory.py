"""The memory that this process may still use: of the machine, its cgroups and its own limit. Imports no torch."""

import resource
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

_PROC = Path("/proc")
_CGROUPS = Path("/sys/fs/cgroup")
_RECLAIMABLE = ("inactive_file", "active_file", "total_inactive_file", "total_active_file")
"""Cached file contents, which count as used but are given up when memory is needed; the second pair in version 1."""


def available_memory_bytes(proc: Path = _PROC, cgroups: Path = _CGROUPS) -> int | None:
    """Return the smallest amount that any limit still allows; None where the system does not say, as on macOS.

    Args:
        proc: where the kernel's process file system is.
        cgroups: where the kernel's cgroup file system is.
    """
    known = [*_free_in_machine(proc), *_free_in_cgroups(proc, cgroups), *_free_in_address_space(proc)]
    return max(0, min(known)) if known else None


def _free_in_machine(proc: Path) -> Iterator[int]:
    for name, value in _numbers(proc / "meminfo"):
        if name == "MemAvailable:":
            yield value * 1024


def _free_in_cgroups(proc: Path, cgroups: Path) -> Iterator[int]:
    for line in _lines(proc / "self" / "cgroup"):
        _, controllers, path = line.split(":", 2)
        if not controllers:
            root, limit, used = cgroups, "memory.max", "memory.current"
        elif "memory" in controllers.split(","):
            root, limit, used = cgroups / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes"
        else:
            continue
        relative = PurePosixPath(path.lstrip("/"))
        # Inside a container the path may be the host's: the container's own group is then at the root.
        for group in {root / part for part in (relative, *relative.parents, PurePosixPath())}:
            yield from _free_in_group(group, limit, used)


def _free_in_group(group: Path, limit: str, used: str) -> Iterator[int]:
    try:
        allowed, current = (int((group / name).read_text()) for name in (limit, used))
    except (OSError, ValueError):  # no such group, or the limit is "max"
        return
    # Version 1 has both pairs, the second with the groups below; version 2 only the first.
    facts = dict(_numbers(group / "memory.stat"))
    own, whole = (sum(facts.get(name, 0) for name in pair) for pair in (_RECLAIMABLE[:2], _RECLAIMABLE[2:]))
    yield allowed - current + max(own, whole)


def _free_in_address_space(proc: Path) -> Iterator[int]:
    allowed, _ = resource.getrlimit(resource.RLIMIT_AS)
    for line in _lines(proc / "self" / "statm"):
        if allowed != resource.RLIM_INFINITY:
            yield allowed - int(line.split()[0]) * resource.getpagesize()


def _numbers(path: Path) -> Iterator[tuple[str, int]]:
    """Yield the names and numbers of a file whose lines begin with a name and a number."""
    for line in _lines(path):
        name, value, *_ = line.split()
        yield name, int(value)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
