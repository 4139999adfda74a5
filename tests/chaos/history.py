"""What every actor saw and did, as lines of one file that any process may append to. Judges nothing."""

import json
import os
import time
from pathlib import Path
from typing import Any

Entry = dict[str, Any]
FILE = "history.jsonl"


class History:
    """One file; times are the host's monotonic clock, which all processes share."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE

    def note(self, kind: str, **facts: object) -> None:
        """Append an entry: one write, so that lines of two processes never mix."""
        line = json.dumps({"kind": kind, "at": time.monotonic(), **facts}) + "\n"
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)

    def entries(self, *kinds: str) -> list[Entry]:
        """The entries of these kinds, in the order in which they were written."""
        if not self._path.exists():
            return []
        every = map(json.loads, self._path.read_text().splitlines())
        return [entry for entry in every if entry["kind"] in kinds]

    def forget(self) -> None:
        """Begin again."""
        self._path.unlink(missing_ok=True)
