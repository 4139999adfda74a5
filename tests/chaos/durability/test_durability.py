"""R7: a crash at any system call leaves no incomplete object under its key, and loses no acknowledged object."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.durability.disk_model import TRACED, Disk, calls

KEY = "models/mdl_1/manifest.json"
SIZE = 300_000
PUT = f"""
import os, stat, sys
from pathlib import Path
from model.storage.opening import open_storage
folder, skipped = sys.argv[1:]
sync = os.fsync
def fsync(descriptor):
    is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
    if skipped != ("folder" if is_folder else "file"):
        sync(descriptor)
os.fsync = fsync
open_storage(Path(folder).as_uri()).put_bytes("{KEY}", b"x" * {SIZE})
os.write(1, b"acknowledged")
"""


@pytest.fixture(scope="session")
def strace() -> str:
    """Return the path of strace; CI must have it."""
    found = shutil.which("strace")
    if found is None and os.environ.get("CI") == "true":
        pytest.fail("CI needs strace")
    if found is None:
        pytest.skip("needs strace, which traces the system calls")
    return found


def crash_faults_of_a_put(strace: str, folder: Path, skipped_sync: str = "") -> set[str]:
    """Return what could be wrong after a crash between any two system calls of one put."""
    trace = folder / "trace"
    storage = (folder / "storage").resolve()
    command = [strace, "-f", "-qq", "-s", "16", "-e", f"trace={TRACED}", "-o", str(trace)]
    subprocess.run(
        [*command, sys.executable, "-c", PUT, str(storage), skipped_sync],
        check=True,
        stdout=subprocess.DEVNULL,
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
    assert crash_faults_of_a_put(strace, tmp_path) == set()


@pytest.mark.parametrize(("skipped_sync", "fault"), [("file", "torn"), ("folder", "lost")])
def test_a_missing_sync_is_found(strace: str, tmp_path: Path, skipped_sync: str, fault: str) -> None:
    assert fault in crash_faults_of_a_put(strace, tmp_path, skipped_sync)
