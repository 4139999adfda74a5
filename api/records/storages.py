"""The storage of each project."""

from functools import cache

from model.storage.interface import Storage
from model.storage.opening import open_storage
from worker.redis_server.projects import DEFAULT_PROJECT, storage_url


class Storages:
    """Opens the part of the storage that belongs to a project, once each."""

    def __init__(self, url: str) -> None:
        self._of = cache(lambda project: open_storage(storage_url(url, project)))

    @property
    def root(self) -> Storage:
        """The whole storage, whose space is measured."""
        return self.of(DEFAULT_PROJECT)

    def of(self, project: str) -> Storage:
        """Return the storage of a project."""
        return self._of(project)
