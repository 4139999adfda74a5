"""The storage of each project."""

from collections.abc import Callable
from functools import cache
from typing import ParamSpec, TypeVar

from api.records.storage_calls import TIMEOUT_S, StorageCalls
from model.storage.interface import Storage
from model.storage.opening import open_storage
from worker.redis_server.projects import DEFAULT_PROJECT, storage_url

P = ParamSpec("P")
T = TypeVar("T")


class Storages:
    """Opens the part of the storage that belongs to a project, once each, and runs calls of them."""

    def __init__(self, url: str) -> None:
        self._of = cache(lambda project: open_storage(storage_url(url, project)))
        self._calls = StorageCalls()

    @property
    def root(self) -> Storage:
        """The whole storage, whose space is measured."""
        return self.of(DEFAULT_PROJECT)

    def of(self, project: str) -> Storage:
        """Return the storage of a project. Its methods block: call them by `run`."""
        return self._of(project)

    async def run(self, call: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
        """Run a short blocking call in a thread; raises StorageHangsError after `TIMEOUT_S`."""
        return await self._calls.run(TIMEOUT_S, call, *args, **options)

    async def run_within(
        self, timeout_s: float, call: Callable[P, T], *args: P.args, **options: P.kwargs
    ) -> T:
        """Run a blocking call in a thread; raises StorageHangsError after `timeout_s`."""
        return await self._calls.run(timeout_s, call, *args, **options)
