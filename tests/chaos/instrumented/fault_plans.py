"""Plans which process fails at which failpoint. Each plan is a file, executed by the first process that reaches it.

Tests write plans, tests/chaos/instrumented executes them; the service knows nothing of them.
"""

import json
import os
import signal
import time
from collections import Counter
from enum import StrEnum
from pathlib import Path

from model.host.failpoints import Failpoint
from tests.chaos.history.history import History

FOLDER = "plans"
STOPS_WITHIN_S = 0.5


class Fault(StrEnum):
    """What a process does to itself."""

    KILL = "kill"
    STOP = "stop"
    DELAY = "delay"


class FaultPlans:
    """The fault plans of one cluster, shared through a folder by the test and all processes."""

    def __init__(self, folder: Path, history: History) -> None:
        self._folder = folder / FOLDER
        self._folder.mkdir(exist_ok=True)
        self._history = history
        self._reached: Counter[Path] = Counter()

    def add(self, role: str, at: Failpoint, fault: Fault, *, nth: int = 1, delay_s: float = 0.0) -> None:
        """Plan a fault for the first process of this role that reaches the failpoint for the nth time."""
        draft = self._folder / "draft"
        draft.write_text(json.dumps({"fault": fault, "nth": nth, "delay_s": delay_s}))
        draft.rename(self._path(role, at))

    def clear(self) -> None:
        """Delete the plans that were not executed."""
        for path in self._folder.iterdir():
            path.unlink()

    def execute(self, role: str, reached: Failpoint) -> None:
        """Execute the plan for this failpoint, if there is one."""
        path = self._path(role, reached)
        try:
            plan = json.loads(path.read_text())
        except FileNotFoundError:
            return
        self._reached[path] += 1
        if self._reached[path] >= plan["nth"] and self._take(path):
            self._reached[path] = 0
            self._history.add("fault", role=role, failpoint=reached, fault=plan["fault"], pid=os.getpid())
            _inject(Fault(plan["fault"]), plan["delay_s"])

    def _path(self, role: str, failpoint: Failpoint) -> Path:
        return self._folder / f"{role}:{failpoint}"

    def _take(self, path: Path) -> bool:
        """Return whether this process executes the plan: only one process can unlink its file."""
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        return True


def _inject(fault: Fault, delay_s: float) -> None:
    match fault:
        case Fault.KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        case Fault.STOP:
            os.kill(os.getpid(), signal.SIGSTOP)
            time.sleep(STOPS_WITHIN_S)  # another thread may handle the signal while this one continues
        case Fault.DELAY:
            time.sleep(delay_s)
