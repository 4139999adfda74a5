"""Where one `ninefold up` keeps everything: jobs, datasets, models, logs. Locked while it runs."""

import contextlib
import fcntl
import hashlib
import os
import secrets
import tempfile
from pathlib import Path
from typing import IO, Self

from ninefold.errors import StartError


class DataFolder:
    """A folder held by this process alone until `close`."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().resolve()
        self.storage = self.path / "storage"
        self.cache = self.path / "cache"
        self.logs = self.path / "logs"
        self.valkey = self.path / "valkey"
        try:
            for folder in (self.path, self.storage, self.cache, self.logs, self.valkey):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = self._acquire()
        except OSError as error:
            raise StartError(
                f"The data folder {self.path} cannot be written ({error.strerror}). Choose another with --data-dir."
            ) from error

    def _acquire(self) -> IO[str]:
        lock = (self.path / "lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            owner = lock.read().strip() or "unknown"
            lock.close()
            raise StartError(
                f"The data folder {self.path} is in use by another `ninefold up` (process {owner}). "
                "Stop that one, or choose another folder with --data-dir."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        return lock

    def secret(self, name: str) -> str:
        """A password made once for this folder, readable by its owner alone."""
        path = self.valkey / name
        with contextlib.suppress(FileNotFoundError):
            if text := path.read_text().strip():
                return text
        text = secrets.token_urlsafe(32)
        write_private(path, text)
        return text

    @property
    def runtime(self) -> Path:
        """A short folder for sockets, the same for each start: a socket's path may have about 100 characters."""
        name = hashlib.sha256(str(self.path).encode()).hexdigest()[:12]
        folder = Path(tempfile.gettempdir()) / f"ninefold-{os.getuid()}-{name}"
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.is_symlink() or folder.stat().st_uid != os.getuid():
            raise StartError(f"{folder} belongs to somebody else; set TMPDIR to a folder of your own.")
        return folder

    def close(self) -> None:
        """Give the folder to whoever comes next."""
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, at no moment otherwise."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    fresh.replace(path)
