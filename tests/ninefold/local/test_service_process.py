import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ninefold.local.capped_log import CappedLog
from ninefold.local.service_process import ServiceProcess
from tests.ninefold.processes import command_line, eventually

SLEEP = [sys.executable, "-c", "print('hello', flush=True); import time; time.sleep(600)"]


@pytest.fixture
def process(tmp_path: Path) -> Iterator[ServiceProcess]:
    log = CappedLog(tmp_path / "sleep.log")
    process = ServiceProcess("sleep", SLEEP, os.environ, log, lambda *_: None)
    process.start()
    yield process
    process.kill()
    log.close()


def test_a_service_process_has_its_own_session_and_its_output_is_logged(process: ServiceProcess) -> None:
    assert process.pid
    eventually(lambda: process.log.last_line == "hello", 60, "the output arrives")
    assert os.getsid(process.pid) == process.pid


def test_a_killed_process_is_restarted(process: ServiceProcess) -> None:
    first = process.pid
    assert first
    os.kill(first, signal.SIGKILL)
    statuses = []

    def is_back() -> bool:
        if (status := process.supervise()) is not None:
            statuses.append(status)
        return process.pid not in (None, first)

    eventually(is_back, 60, "the process is restarted")
    assert statuses == [-signal.SIGKILL]


def test_a_process_that_ends_at_once_is_restarted_with_growing_delays(tmp_path: Path) -> None:
    log = CappedLog(tmp_path / "false.log")
    process = ServiceProcess("false", ["false"], os.environ, log, lambda *_: None)
    process.start()
    ended_at: list[float] = []

    def has_ended_three_times() -> bool:
        if process.supervise() is not None:
            ended_at.append(time.monotonic())
        return len(ended_at) == 3

    eventually(has_ended_three_times, 60, "the process is restarted twice")
    process.kill()
    log.close()
    first, second, third = ended_at
    assert second - first >= 0.4
    assert third - second >= 0.8


PARENT = """
import os, sys, time
from pathlib import Path
from ninefold.local.capped_log import CappedLog
from ninefold.local.service_process import ServiceProcess
process = ServiceProcess("sleep", ["sleep", "600"], os.environ, CappedLog(Path(sys.argv[1])), lambda *_: None)
process.start()
print(process.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's")
def test_a_process_dies_when_its_parent_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path / "log")], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        eventually(lambda: command_line(pid).startswith("sleep"), 60, "the command runs")
        parent.kill()
    eventually(lambda: not command_line(pid), 60, "the process has ended")
