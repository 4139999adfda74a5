"""Ties the life of a process to the one that started it."""

import ctypes
import os
import signal
import sys
import threading

_PR_SET_PDEATHSIG = 1


def end_with_parent(parent_pid: int) -> None:
    """Ends this process, at once and without a goodbye, when its parent dies or closes its standard input."""
    threading.Thread(target=_exit_at_end_of_input, name="parent-watch", daemon=True).start()
    die_with_parent(parent_pid)


def die_with_parent(parent_pid: int) -> None:
    """Has the kernel kill this process when its parent ends."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent_pid:  # it died before the signal was asked for
        os._exit(0)


def _exit_at_end_of_input() -> None:
    while os.read(0, 1024):
        pass
    os._exit(0)
