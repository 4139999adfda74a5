"""Checks the disk of the cache on this host, where trainers prepare datasets. Every method blocks."""

import os
import shutil
from pathlib import Path

from model.errors import StorageError

_MIB = 2**20
_ADVICE = "trainings on this host fail when it is full. Free some space, or delete it: it is built again."


class CacheDisk:
    """The folder of NINEFOLD_CACHE_DIR; a host without the folder trains nothing."""

    def __init__(self, folder: Path, min_free_bytes: int) -> None:
        self._folder = folder
        self._min_free_bytes = min_free_bytes

    def check(self) -> None:
        """Return if trainers can use the folder.

        Raises:
            StorageError: the disk is nearly full, or the folder cannot be written.
        """
        if not self._folder.is_dir():
            return
        if not os.access(self._folder, os.W_OK | os.X_OK):
            raise StorageError(
                "The cache (NINEFOLD_CACHE_DIR) cannot be written: trainings on this host fail."
            )
        free_bytes = shutil.disk_usage(self._folder).free
        if free_bytes < self._min_free_bytes:
            raise StorageError(f"The cache (NINEFOLD_CACHE_DIR) has {free_bytes // _MIB} MiB free: {_ADVICE}")
