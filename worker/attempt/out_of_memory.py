"""Tells whether a process died for lack of memory: from the kernel's counter, and from what the process printed."""

import re
from collections.abc import Iterable
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
_OUT_OF_MEMORY = re.compile(
    r"MemoryError|out of memory|can't allocate memory|Cannot allocate memory|std::bad_alloc"
    r"|could not (create|execute) a primitive",  # oneDNN
    re.IGNORECASE,
)


def kernel_kills() -> int:
    """Return how many processes of this control group the kernel has killed for memory; 0 where it does not say."""
    for line in _read(Path("/proc/self/cgroup")).splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers not in ("", "memory"):
            continue
        file = "memory.oom_control" if controllers else "memory.events"
        below = _CGROUP / controllers / path.lstrip("/")
        # Inside a container `path` may be the host's; the container's own group is then the root of the mount.
        group = below if below.is_dir() else _CGROUP / controllers
        counted = re.search(r"^oom_kill (\d+)", _read(group / file), re.MULTILINE)
        if counted:
            return int(counted[1])
    return 0


def mentions_out_of_memory(lines: Iterable[str]) -> bool:
    """Return whether log lines or an error message name a lack of memory as the cause."""
    return any(_OUT_OF_MEMORY.search(line) for line in lines)


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
