"""Opens the indexes of datasets. An index in a bucket is copied once, into a cache of limited size."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from api.records.storages import Storages
from model.data.record import dataset_key
from model.data.report.index_file import INDEX_FILE
from model.data.report.reading import DatasetIndex, open_index

T = TypeVar("T")

MAX_BYTES = 1 << 30
"""Size of all copies; an index takes about 200 bytes for each image."""
_TIMEOUT_S = 30.0
"""Time for a query, before which a bucket may be asked for the index."""


@dataclass(frozen=True)
class IndexKey:
    """Names an index."""

    project: str
    dataset_id: str
    added_at: datetime
    """A dataset that is deleted and added again has a new index."""


class _LentFile:
    """An index as storage lends it, or not yet."""

    def __init__(self) -> None:
        self.users = 0
        self.size_bytes = 0
        self._path: Path | None = None
        self._lent = ExitStack()
        self._opening = threading.Lock()

    def open(self, storages: Storages, key: IndexKey) -> Path:
        """Return the local path of the index; ask storage for it first if that is necessary."""
        with self._opening:
            if self._path is None or not self._path.exists():
                self._lent.close()
                stored = storages.of(key.project).as_file(dataset_key(key.dataset_id, INDEX_FILE))
                self._path = self._lent.enter_context(stored)
                self.size_bytes = self._path.stat().st_size
            return self._path

    def close(self) -> None:
        """Return the file to storage, which deletes a copy."""
        self._lent.close()


class IndexFiles:
    """The indexes that were asked for lately."""

    def __init__(self, storages: Storages, max_bytes: int = MAX_BYTES) -> None:
        self._storages = storages
        self._max_bytes = max_bytes
        self._files: dict[IndexKey, _LentFile] = {}
        """The one that was asked for last is the last."""
        self._lock = threading.Lock()

    async def read(self, key: IndexKey, query: Callable[[DatasetIndex], T]) -> T:
        """Return what `query` reads from an index, in a thread.

        Raises:
            ObjectMissingError: the dataset has no index.
            StorageError: storage fails or does not answer, or the index is damaged.
        """
        return await self._storages.run_within(_TIMEOUT_S, self._read, key, query)

    def close(self) -> None:
        """Return all files to storage."""
        for file in self._files.values():
            file.close()

    def _read(self, key: IndexKey, query: Callable[[DatasetIndex], T]) -> T:
        with self._borrowed(key) as path, open_index(path) as index:
            return query(index)

    @contextmanager
    def _borrowed(self, key: IndexKey) -> Iterator[Path]:
        with self._lock:
            file = self._files.pop(key, None) or _LentFile()
            self._files[key] = file
            file.users += 1
        try:
            yield file.open(self._storages, key)
        finally:
            with self._lock:
                file.users -= 1
                unused = list(self._take_surplus())
            for one in unused:
                one.close()

    def _take_surplus(self) -> Iterator[_LentFile]:
        """Remove the files that were not asked for lately, as far as the cache is too large, and those that are not there."""
        size_bytes = sum(file.size_bytes for file in self._files.values())
        for key, file in list(self._files.items()):
            if not file.users and (size_bytes > self._max_bytes or not file.size_bytes):
                size_bytes -= file.size_bytes
                yield self._files.pop(key)
