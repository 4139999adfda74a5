"""Keeps the columns of the batch predictions that were searched lately, and searches them in threads."""

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, TypeVar

from api.records.storages import Storages

if TYPE_CHECKING:
    from collections.abc import Callable

    from model.batch_prediction.columns import Columns

T = TypeVar("T")

MAX_BYTES = 64 << 20
"""Of all columns that are kept: those of five million rows."""
_TIMEOUT_S = 30.0


class RecentColumns:
    """The columns of all projects. A batch prediction that has succeeded does not change, and its id is never used again."""

    def __init__(self, storages: Storages, max_bytes: int = MAX_BYTES) -> None:
        self._storages = storages
        self._max_bytes = max_bytes
        self._kept: OrderedDict[str, Columns] = OrderedDict()
        self._lock = threading.Lock()

    async def search(self, prediction_id: str, project: str, query: "Callable[[Columns], T]") -> T:
        """Return what `query` finds in the columns of a batch prediction.

        Raises:
            CorruptArtifactError: the columns are damaged in storage.
            StorageError: they cannot be read.
        """
        return await self._storages.run_within(
            _TIMEOUT_S, lambda: query(self._columns(prediction_id, project))
        )

    def _columns(self, prediction_id: str, project: str) -> "Columns":
        from model.batch_prediction.columns import read_columns  # noqa: PLC0415 - the API starts without numpy

        with self._lock:
            if prediction_id in self._kept:
                self._kept.move_to_end(prediction_id)
                return self._kept[prediction_id]
        columns = read_columns(self._storages.of(project), prediction_id)
        with self._lock:
            self._kept[prediction_id] = columns
            while sum(kept.size_bytes for kept in self._kept.values()) > self._max_bytes:
                self._kept.popitem(last=False)
        return columns
