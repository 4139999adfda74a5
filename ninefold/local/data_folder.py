"""The data folder of one `ninefold up`: jobs, datasets, models and logs. Locked while `up` runs."""

import contextlib
import hashlib
import os
import secrets
import tempfile
from pathlib import Path
from typing import Self

from filelock import FileLock, Timeout

from ninefold.errors import StartError


class DataFolder:
    """A folder that only this process may use until `close`; the kernel releases the lock of a killed process."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().resolve()
        self.storage = self.path / "storage"
        self.cache = self.path / "cache"
        self.logs = self.path / "logs"
        self.valkey = self.path / "valkey"
        self._lock = FileLock(self.path / "lock", thread_local=False)  # any thread may close this folder
        try:
            for folder in (self.path, self.storage, self.cache, self.logs, self.valkey):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._acquire()
        except OSError as error:
            raise StartError(
                f"The data folder {self.path} cannot be written ({error.strerror}). Choose another with --data-dir."
            ) from error

    def _acquire(self) -> None:
        file = Path(self._lock.lock_file)
        try:
            self._lock.acquire(blocking=False)
        except Timeout:
            raise StartError(
                f"The data folder {self.path} is in use by another `ninefold up` "
                f"(process {file.read_text().strip() or 'unknown'}). "
                "Stop that one, or choose another folder with --data-dir."
            ) from None
        file.write_text(str(os.getpid()))

    def secret(self, name: str) -> str:
        """Return a password that is generated once for this folder and that only the folder's owner can read."""
        path = self.valkey / name
        with contextlib.suppress(FileNotFoundError):
            if text := path.read_text().strip():
                return text
        text = secrets.token_urlsafe(32)
        write_private(path, text)
        return text

    @property
    def runtime(self) -> Path:
        """The folder for Unix sockets: the same on every start, and short, because a socket's path may have 107 bytes."""
        name = hashlib.sha256(str(self.path).encode()).hexdigest()[:12]
        folder = Path(tempfile.gettempdir()) / f"ninefold-{os.getuid()}-{name}"
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.is_symlink() or folder.stat().st_uid != os.getuid():
            raise StartError(f"{folder} belongs to another user; set TMPDIR to a folder of your own.")
        return folder

    def close(self) -> None:
        """Release the lock on the folder."""
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, also while it is being written."""
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    temporary.replace(path)
