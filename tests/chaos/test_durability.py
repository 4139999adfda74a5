"""R7: no crash, at whatever system call, leaves half an object under its name, nor loses one that was acknowledged."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.disk_model import TRACED, Disk, calls

KEY = "models/mdl_1/manifest.json"
SIZE = 300_000
PUT = f"""
import os, stat, sys
from pathlib import Path
from model.storage.opening import open_storage
folder, left_out = sys.argv[1:]
sync = os.fsync
def fsync(descriptor):
    is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
    if left_out != ("folder" if is_folder else "file"):
        sync(descriptor)
os.fsync = fsync
open_storage(Path(folder).as_uri()).put_bytes("{KEY}", b"x" * {SIZE})
os.write(1, b"acknowledged")
"""


@pytest.fixture(scope="session")
def strace() -> str:
    """Path of strace; in CI it must be there."""
    found = shutil.which("strace")
    if found is None and os.environ.get("CI") == "true":
        pytest.fail("CI needs strace")
    if found is None:
        pytest.skip("needs strace, which traces the system calls")
    return found


def faults_of_a_put(strace: str, folder: Path, left_out: str = "") -> set[str]:
    """What may be wrong after a crash behind some system call of one put."""
    trace = folder / "trace"
    storage = (folder / "storage").resolve()
    command = [strace, "-f", "-qq", "-s", "16", "-e", f"trace={TRACED}", "-o", str(trace)]
    subprocess.run(
        [*command, sys.executable, "-c", PUT, str(storage), left_out], check=True, stdout=subprocess.DEVNULL
    )
    disk, path = Disk(), str(storage / KEY)
    faults, is_acknowledged = set(), False
    for name, arguments, result in calls(trace.read_text()):
        disk.apply(name, arguments, result)
        is_acknowledged |= name == "write" and "acknowledged" in arguments
        if disk.may_hold_torn(path, SIZE):
            faults.add("torn")
        if is_acknowledged and not disk.surely_holds(path, SIZE):
            faults.add("lost")
    assert is_acknowledged
    return faults


def test_every_crash_leaves_all_or_nothing(strace: str, tmp_path: Path) -> None:
    assert faults_of_a_put(strace, tmp_path) == set()


@pytest.mark.parametrize(("left_out", "fault"), [("file", "torn"), ("folder", "lost")])
def test_the_trace_shows_a_sync_that_is_missing(
    strace: str, tmp_path: Path, left_out: str, fault: str
) -> None:
    assert fault in faults_of_a_put(strace, tmp_path, left_out)
