"""Where a local storage keeps an object: for tests that break it there."""

from pathlib import Path

from model.storage.interface import Storage


def stored_path(storage: Storage, key: str) -> Path:
    """The object's own file, not a copy."""
    with storage.as_file(key) as path:
        return path
