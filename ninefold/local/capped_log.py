"""The log file of one service process, limited in size: the current file and the one before it.

Not `logging.handlers.RotatingFileHandler`, which reopens its file for lines that arrive after `close`, and which raises
on `close` when the disk was full (Python 3.11).
"""

import threading
from contextlib import suppress
from pathlib import Path
from typing import IO

CAP_BYTES = 5_000_000


class CappedLog:
    """Appends lines to a file, which is renamed to `.log.1` when it is full. Safe to use from several threads."""

    def __init__(self, path: Path, cap_bytes: int = CAP_BYTES) -> None:
        self.path = path
        self._cap_bytes = cap_bytes
        self._lock = threading.Lock()
        self._last_line = ""
        self._file: IO[bytes] = self._open()

    def write(self, line: bytes) -> None:
        """Append one line. A full disk loses the line and raises no error."""
        with self._lock:
            with suppress(OSError):
                self._append(line)
            self._last_line = line.decode(errors="replace").strip() or self._last_line

    def _append(self, line: bytes) -> None:
        if self._file.closed:
            return
        if self._file.tell() + len(line) > self._cap_bytes:
            self._rotate()
        self._file.write(line)

    def _open(self) -> IO[bytes]:
        # Unbuffered: buffered bytes that a full disk refused would be written again, and fail again, on close.
        return self.path.open("ab", buffering=0)

    def _rotate(self) -> None:
        self._file.close()
        self.path.replace(self.path.with_suffix(".log.1"))
        self._file = self._open()

    @property
    def last_line(self) -> str:
        """The newest line that is not blank, or an empty string."""
        with self._lock:
            return self._last_line

    def close(self) -> None:
        """Close the file; lines written later are dropped."""
        with self._lock:
            self._file.close()
