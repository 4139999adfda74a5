"""Every failpoint is reached in the source, and no entry point of the service arms one."""

import re
import subprocess
import sys
from pathlib import Path

from model.host.failpoints import Failpoint

ROOT = Path(__file__).parents[3]


def test_each_failpoint_is_reached_somewhere_in_the_source() -> None:
    source = "\n".join(
        file.read_text() for package in ("model", "worker", "api") for file in (ROOT / package).rglob("*.py")
    )
    assert set(re.findall(r"reach\(Failpoint\.(\w+)\)", source)) == set(Failpoint.__members__)


def test_no_entry_point_arms_a_failpoint() -> None:
    code = "import worker.__main__, worker.kinds.training.trainer.__main__, api.__main__; from model.host import failpoints; assert failpoints._act is None"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
