"""`python -m tests.compatibility.make_release COMMIT`: archives the packages of a release, so that tests can run them later.

The archive is named after the month of the commit. The same commit always gives the same bytes.
"""

import lzma
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
RELEASES = Path(__file__).parent / "releases"
_PACKAGES = ("api", "worker", "model", "ninefold")
_STATIC = "api/dashboard/static"
_LEFT_OUT = tuple(f"{_STATIC}/{folder}" for folder in ("vendor", "css", "js"))
"""The API starts without the files of the dashboard, which are most of its size."""


def make_release(commit: str) -> Path:
    """Write the archive of a commit; returns its path."""
    month = _git("show", "--no-patch", "--format=%cd", "--date=format:%Y-%m", commit).decode().strip()
    excluded = (f":(exclude){folder}" for folder in _LEFT_OUT)
    tar = _git("-c", "tar.umask=0022", "archive", "--format=tar", commit, "--", *_PACKAGES, *excluded)
    path = RELEASES / f"{month}.tar.xz"
    path.write_bytes(lzma.compress(tar, preset=9 | lzma.PRESET_EXTREME))
    return path


def _git(*arguments: str) -> bytes:
    return subprocess.run(("git", *arguments), cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout


if __name__ == "__main__":
    sys.stdout.write(f"{make_release(sys.argv[1])}\n")
