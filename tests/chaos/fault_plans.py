"""What shall happen at which failpoint: a file for each plan, taken by the first process that comes so far.

Written by tests, read by tests/chaos/instrumented.py; no part of the service knows of it.
"""

import json
import os
import signal
import time
from collections import Counter
from enum import StrEnum
from pathlib import Path

from model.host.failpoints import Failpoint
from tests.chaos.history import History

FOLDER = "plans"
STOPS_WITHIN_S = 0.5


class Act(StrEnum):
    """What a process does to itself."""

    KILL = "kill"
    STOP = "stop"
    DELAY = "delay"


class Plans:
    """The plans of one cluster, as the test or one of its processes sees them."""

    def __init__(self, folder: Path, history: History) -> None:
        self._folder = folder / FOLDER
        self._folder.mkdir(exist_ok=True)
        self._history = history
        self._reached: Counter[Path] = Counter()

    def make(self, role: str, at: Failpoint, act: Act, *, nth: int = 1, delay_s: float = 0.0) -> None:
        """Have the first process of this role that reaches the failpoint for the nth time do this, once."""
        draft = self._folder / "draft"
        draft.write_text(json.dumps({"act": act, "nth": nth, "delay_s": delay_s}))
        draft.rename(self._path(role, at))

    def forget(self) -> None:
        """Drop the plans that nobody took."""
        for path in self._folder.iterdir():
            path.unlink()

    def follow(self, role: str, reached: Failpoint) -> None:
        """Do what is planned here, if anything is."""
        path = self._path(role, reached)
        try:
            plan = json.loads(path.read_text())
        except FileNotFoundError:
            return
        self._reached[path] += 1
        if self._reached[path] >= plan["nth"] and self._take(path):
            self._reached[path] = 0
            self._history.note("fell", role=role, failpoint=reached, act=plan["act"], pid=os.getpid())
            _do(Act(plan["act"]), plan["delay_s"])

    def _path(self, role: str, failpoint: Failpoint) -> Path:
        return self._folder / f"{role}:{failpoint}"

    def _take(self, path: Path) -> bool:
        """Whether it is this process that follows the plan: only one can unlink it."""
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        return True


def _do(act: Act, delay_s: float) -> None:
    match act:
        case Act.KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        case Act.STOP:
            os.kill(os.getpid(), signal.SIGSTOP)
            time.sleep(STOPS_WITHIN_S)  # another thread may take the signal while this one goes on
        case Act.DELAY:
            time.sleep(delay_s)
