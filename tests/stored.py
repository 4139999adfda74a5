"""Finds the file of an object in local storage, for tests that damage stored objects."""

from pathlib import Path

from model.storage.interface import Storage


def stored_path(storage: Storage, key: str) -> Path:
    """Return the path of the stored file itself."""
    with storage.as_file(key) as path:
        return path
