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


def pids_with(marker: str) -> dict[int, str]:
    """Processes whose environment holds the marker, with their command lines."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if marker.encode() in environment and (line := command_line(int(folder.name))):
            found[int(folder.name)] = line
    return found


def eventually(is_true: Callable[[], object], within_s: float, what: str) -> None:
    """Fail unless it becomes true in time."""
    deadline = time.monotonic() + within_s
    while not is_true():
        assert time.monotonic() < deadline, f"not within {within_s} s: {what}"
        time.sleep(0.05)
