"""A folder of temporary files whose names state the writing process, so that the files of a killed process can be removed."""

import os
import secrets
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

MAX_AGE_S = 24 * 3600.0
"""No process writes a temporary file for longer; older files are leftovers."""


class Scratch:
    """Temporary files, on a local disk or on a disk that other hosts share."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def new_path(self) -> Path:
        """Return a unique path in the folder, which must exist. Removes leftovers first."""
        self.remove_leftovers()
        return self._folder / f"{_name_prefix(os.getpid())}{secrets.token_hex(8)}"

    def remove_unfinished(self) -> None:
        """Remove the unfinished files of processes of this host that do not run any more."""
        own_host = _host_prefix()
        for path in self._folder.glob(f"{own_host}*"):
            process_id = path.name.removeprefix(own_host).partition("-")[0]
            if process_id.isdecimal() and not _is_running(int(process_id)):
                remove(path)

    def leftovers(self) -> Iterator[Path]:
        """Yield the files that no process can still be writing, judging by their age."""
        oldest = time.time() - MAX_AGE_S
        if not self._folder.is_dir():
            return
        for entry in os.scandir(self._folder):
            with suppress(FileNotFoundError):  # another process finished or cleaned up first
                if entry.stat().st_mtime < oldest:
                    yield Path(entry.path)

    def remove_leftovers(self) -> None:
        """Remove the files that no process can still be writing."""
        for path in self.leftovers():
            remove(path)


def remove(path: Path) -> None:
    """Remove a file or a folder. Does nothing when the path does not exist."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _is_running(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it runs as another user
        return True
    return True


def _name_prefix(process_id: int) -> str:
    """Return the prefix of the names of a process's files, which is unique among all hosts that share the folder."""
    return f"{_host_prefix()}{process_id}-"


def _host_prefix() -> str:
    """Return the prefix of the names that processes write who see the same process ids as this one.

    Containers may share a host name and number their processes each on their own, so the prefix contains the inode of
    the namespace of process ids.
    """
    try:
        namespace = Path("/proc/self/ns/pid").stat().st_ino
    except OSError:  # not Linux: there are no such namespaces
        namespace = 0
    return f"{socket.gethostname()}.{namespace}-"
