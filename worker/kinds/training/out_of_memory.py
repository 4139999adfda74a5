"""Whether a death was for want of memory: what the kernel counts, and what a dying trainer prints."""

import re
from collections.abc import Iterable
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
_SAYS_OUT_OF_MEMORY = re.compile(
    r"MemoryError|out of memory|can't allocate memory|Cannot allocate memory|std::bad_alloc", re.IGNORECASE
)


def kernel_kills() -> int:
    """How often the kernel has killed for memory in this process's control group; 0 where it does not tell."""
    for line in _read(Path("/proc/self/cgroup")).splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers not in ("", "memory"):
            continue
        file = "memory.oom_control" if controllers else "memory.events"
        below = _CGROUP / controllers / path.lstrip("/")
        # Inside a container the path may be the host's; then the root of the mount is our own group.
        group = below if below.is_dir() else _CGROUP / controllers
        counted = re.search(r"^oom_kill (\d+)", _read(group / file), re.MULTILINE)
        if counted:
            return int(counted[1])
    return 0


def says_out_of_memory(lines: Iterable[str]) -> bool:
    """Whether a log's last lines, or an error's message, blame memory."""
    return any(_SAYS_OUT_OF_MEMORY.search(line) for line in lines)


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
