"""Ends what `ninefold up` started when `up` itself was killed: `python -m ninefold.local.orphan_guard`.

Reads lines of process ids on stdin, each line replacing the last; at the end of stdin it kills their groups.
Linux kills the children by itself (parent_death.py); the guard also takes their groups, and serves other systems.
"""

import os
import signal
import sys


def kill_groups(pids: list[int]) -> None:
    """Kill each process together with those it keeps in its own session."""
    for pid in pids:
        try:
            os.killpg(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue


def main() -> None:
    """Wait for the end of stdin; a terminal's signals are for `up` alone."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    pids: list[int] = []
    for line in sys.stdin:
        pids = [int(word) for word in line.split()]
    kill_groups(pids)


if __name__ == "__main__":
    main()
