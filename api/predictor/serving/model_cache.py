"""Keeps loaded models in memory within a byte budget; evicts the least recently used model that is not in use."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar


class Sized(Protocol):
    """A model that knows how much memory it takes."""

    @property
    def size_bytes(self) -> int:
        """Memory of the model."""
        ...


ModelT = TypeVar("ModelT", bound=Sized)


@dataclass(eq=False)
class _Entry(Generic[ModelT]):
    loading: asyncio.Task[ModelT]
    users: int = 0

    @property
    def size_bytes(self) -> int:
        return self.loading.result().size_bytes if self.loading.done() else 0


class ModelCache(Generic[ModelT]):
    """Loaded models by id; concurrent users of a model share one load."""

    def __init__(self, load: Callable[[str], Awaitable[ModelT]], *, budget_bytes: int) -> None:
        self._load = load
        self._budget_bytes = budget_bytes
        self._entries: OrderedDict[str, _Entry[ModelT]] = OrderedDict()
        self.loads = 0
        """Loads that succeeded."""

    @property
    def loaded(self) -> list[str]:
        """Ids of the models in memory, least recently used first."""
        return list(self._entries)

    @asynccontextmanager
    async def use(self, model_id: str) -> AsyncIterator[ModelT]:
        """Provide a model, loading it if necessary, and keep it in memory while the block runs.

        Raises the error of the load, if the load fails.
        """
        entry = self._entry(model_id)
        entry.users += 1
        try:
            # Shielded: the cancellation of one caller must not cancel the load that other callers wait for.
            model = await asyncio.shield(entry.loading)
            self._evict()
            yield model
        finally:
            entry.users -= 1
            self._evict()

    def _entry(self, model_id: str) -> _Entry[ModelT]:
        entry = self._entries.get(model_id)
        if entry is None:
            entry = _Entry(asyncio.create_task(self._load_once(model_id)))
            self._entries[model_id] = entry
        self._entries.move_to_end(model_id)
        return entry

    async def _load_once(self, model_id: str) -> ModelT:
        try:
            model = await self._load(model_id)
        except BaseException:
            del self._entries[model_id]  # the next request tries to load it again
            raise
        self.loads += 1
        return model

    def _evict(self) -> None:
        excess = sum(entry.size_bytes for entry in self._entries.values()) - self._budget_bytes
        for model_id, entry in list(self._entries.items()):
            if excess <= 0:
                return
            if not entry.users and entry.loading.done():
                excess -= entry.size_bytes
                del self._entries[model_id]
