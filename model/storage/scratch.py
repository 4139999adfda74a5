"""A folder of files that are being written, each of one process: what a process that was killed left can be told."""

import os
import secrets
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

MAX_AGE_S = 24 * 3600.0
"""What is older nobody is writing any more."""


class Scratch:
    """Temporary files, on this disk or on one that other hosts share."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def new_path(self) -> Path:
        """A name that nobody else has, in the folder, which the caller has made."""
        self.remove_leftovers()
        return self._folder / f"{_writer(os.getpid())}{secrets.token_hex(8)}"

    def remove_unfinished(self, process_id: int) -> None:
        """Remove what a process of this host was still writing when it was killed."""
        for path in self._folder.glob(f"{_writer(process_id)}*"):
            remove(path)

    def leftovers(self) -> Iterator[Path]:
        """What nobody can still be writing."""
        oldest = time.time() - MAX_AGE_S
        if not self._folder.is_dir():
            return
        for entry in os.scandir(self._folder):
            with suppress(FileNotFoundError):  # another process finished or cleaned up first
                if entry.stat().st_mtime < oldest:
                    yield Path(entry.path)

    def remove_leftovers(self) -> None:
        """Remove what nobody can still be writing."""
        for path in self.leftovers():
            remove(path)


def remove(path: Path) -> None:
    """Remove a file or a folder; one that is gone is fine."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _writer(process_id: int) -> str:
    """How the names of a process's files begin: no other process that shares the folder has the same."""
    return f"{socket.gethostname()}-{process_id}-"
