"""The history of a test run: what every process and client did and saw, as lines of one file. Checks nothing."""

import json
import os
import time
from pathlib import Path
from typing import Any

Entry = dict[str, Any]
FILE = "history.jsonl"


class History:
    """One file to which any process may append. Times are the host's monotonic clock, which all processes share."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE

    def add(self, kind: str, **facts: object) -> None:
        """Append an entry in one write, so that the lines of two processes never mix."""
        line = json.dumps({"kind": kind, "at": time.monotonic(), **facts}) + "\n"
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)

    def entries(self, *kinds: str) -> list[Entry]:
        """Return the entries of these kinds in the order in which they were written."""
        if not self._path.exists():
            return []
        every = map(json.loads, self._path.read_text().splitlines())
        return [entry for entry in every if entry["kind"] in kinds]

    def clear(self) -> None:
        """Delete all entries."""
        self._path.unlink(missing_ok=True)
