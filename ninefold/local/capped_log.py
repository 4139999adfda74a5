"""A log file that never grows past twice its cap: the current file and the one before it."""

import threading
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import IO

CAP_BYTES = 5_000_000
TAIL_LINES = 20


class CappedLog:
    """Append lines; many threads may."""

    def __init__(self, path: Path, cap_bytes: int = CAP_BYTES) -> None:
        self.path = path
        self._cap_bytes = cap_bytes
        self._lock = threading.Lock()
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._file: IO[bytes] = self._open()

    def write(self, line: bytes) -> None:
        """Append one line, starting a new file when this one is full; a full disk loses lines, nothing else."""
        with self._lock:
            with suppress(OSError):
                self._append(line)
            if text := line.decode(errors="replace").strip():
                self._tail.append(text)

    def _append(self, line: bytes) -> None:
        if self._file.closed:
            return
        if self._file.tell() + len(line) > self._cap_bytes:
            self._rotate()
        self._file.write(line)

    def _open(self) -> IO[bytes]:
        # Unbuffered: what a full disk refused must not come up again when the file is closed.
        return self.path.open("ab", buffering=0)

    def _rotate(self) -> None:
        self._file.close()
        self.path.replace(self.path.with_suffix(".log.1"))
        self._file = self._open()

    @property
    def last_line(self) -> str:
        """The newest line that says something, or nothing."""
        with self._lock:
            return self._tail[-1] if self._tail else ""

    def close(self) -> None:
        """Close the file; lines that come later are dropped."""
        with self._lock:
            self._file.close()
