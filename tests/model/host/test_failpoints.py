"""Failpoints: nothing unless a test arms them, and each named one stands somewhere in the source, once or more."""

import re
import subprocess
import sys
from pathlib import Path

from model.host.failpoints import Failpoint

ROOT = Path(__file__).parents[3]


def test_each_failpoint_stands_in_the_source() -> None:
    source = "\n".join(
        file.read_text() for room in ("model", "worker", "api") for file in (ROOT / room).rglob("*.py")
    )
    assert set(re.findall(r"reach\(Failpoint\.(\w+)\)", source)) == set(Failpoint.__members__)


def test_nothing_arms_them_outside_tests() -> None:
    code = "import worker.__main__, worker.kinds.training.trainer.__main__, api.__main__; from model.host import failpoints; assert failpoints._act is None"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
