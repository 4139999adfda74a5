"""Runs several processes that serve the same socket: starts them, replaces a process that dies, stops all together."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess

_CHECK_EVERY_S = 0.2
_RESTART_PAUSE_S = 1.0
_STOP_TIMEOUT_S = 8.0


class _Stop(Exception):  # noqa: N818  # a request, not a failure
    """Raised by the handlers of the stop signals."""


def serve_in_processes(target: Callable[[], None], count: int) -> None:
    """Keep `count` processes running `target` until SIGTERM or SIGINT."""
    context = multiprocessing.get_context("spawn")  # this process has threads, which must not be forked
    target = partial(_run_until_parent_ends, target)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    processes: list[BaseProcess] = []
    try:
        processes += [_start(context.Process(target=target, daemon=True)) for _ in range(count)]
        while True:
            time.sleep(_CHECK_EVERY_S)
            for index, process in enumerate(processes):
                if not process.is_alive():
                    time.sleep(_RESTART_PAUSE_S)
                    processes[index] = _start(context.Process(target=target, daemon=True))
    except _Stop:
        pass
    finally:
        _end(processes)


def _run_until_parent_ends(target: Callable[[], None]) -> None:
    """Run `target` in the child, and exit when the parent ends: a parent that is killed cannot stop its children."""
    parent = multiprocessing.parent_process()
    assert parent is not None  # noqa: S101  # this function runs in a child
    watch = partial(_exit_after, parent.sentinel)
    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
    target()


def _exit_after(sentinel: int) -> None:
    wait([sentinel])
    os._exit(0)


def _stop(*_: object) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    raise _Stop


def _start(process: BaseProcess) -> BaseProcess:
    process.start()
    return process


def _end(processes: list[BaseProcess]) -> None:
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + _STOP_TIMEOUT_S
    for process in processes:
        process.join(max(0.0, deadline - time.monotonic()))
        if process.is_alive():
            process.kill()
