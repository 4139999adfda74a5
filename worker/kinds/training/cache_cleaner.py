"""Deletes prepared datasets of this host that were not used for long, while the worker is idle too."""

import logging
import threading
from pathlib import Path

from model.data.prepared.cache import CacheLimits, PreparedCache

CLEAN_EVERY_S = 3600.0

_log = logging.getLogger("worker")


class CacheCleaner:
    """A thread that cleans the cache of prepared datasets when the worker starts, and every hour."""

    def __init__(self, cache_dir: Path, limits: CacheLimits) -> None:
        self._cache = PreparedCache(cache_dir / "prepared", limits)
        self._is_stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cache-cleaner", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread; one that deletes files right now ends with the process."""
        self._is_stopped.set()

    def _run(self) -> None:
        while True:
            try:
                self._cache.clean()
            except OSError as error:
                _log.warning("the cache of prepared datasets cannot be cleaned: %s", error)
            if self._is_stopped.wait(CLEAN_EVERY_S):
                return
