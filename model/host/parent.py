"""Ends a process when its parent process ends."""

import ctypes
import os
import signal
import sys
import threading

_PR_SET_PDEATHSIG = 1


def end_with_parent(parent_pid: int) -> None:
    """End this process, immediately and without cleanup, when its parent ends or closes its standard input."""
    threading.Thread(target=_exit_at_end_of_input, name="parent-watch", daemon=True).start()
    die_with_parent(parent_pid)


def die_with_parent(parent_pid: int) -> None:
    """Ask the kernel to kill this process when its parent ends (Linux only)."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent_pid:  # the parent ended before prctl was called
        os._exit(0)


def _exit_at_end_of_input() -> None:
    while os.read(0, 1024):
        pass
    os._exit(0)
