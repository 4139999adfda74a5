"""Runs a command that Linux kills when its parent dies: `python -m ninefold.local.parent_death PARENT_PID COMMAND…`.

Imports little: this module runs before every service process.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def die_with_parent(parent_pid: int) -> None:
    """Ask Linux to kill this process when the thread that started it ends.

    Other systems have no such signal; there the orphan guard alone kills the service processes.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:  # the parent died before prctl was called
        sys.exit(1)


def main() -> None:
    """Tie this process to its parent, then replace it by the command."""
    parent_pid, *command = sys.argv[1:]
    die_with_parent(int(parent_pid))
    os.execvp(command[0], command)  # noqa: S606 - runs the command directly, without a shell


if __name__ == "__main__":
    main()
