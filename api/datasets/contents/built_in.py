"""Stores the images of built-in datasets that need no download when somebody asks for them. Knows no HTTP."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from api.records.storages import Storages
from model.data.record import dataset_key
from model.data.report.index_file import INDEX_FILE
from model.data.sources.published_files import BUILT_IN_FILES

PUBLISHED_AT = datetime(1998, 7, 1, tzinfo=UTC)
"""When the UCI repository published the digits."""
_TIMEOUT_S = 120.0


class BuiltInDatasets:
    """The stored images of the built-in datasets of all projects."""

    def __init__(self, storages: Storages) -> None:
        self._storages = storages
        self._storing = asyncio.Lock()

    async def is_stored(self, name: str, project: str) -> bool:
        """Return whether storage has the images, after storing those that come with the program, which takes seconds."""
        storage = self._storages.of(project)
        if await self._storages.run(storage.exists, dataset_key(name, INDEX_FILE)):
            return True
        if BUILT_IN_FILES[name]:
            return False
        from model.data.built_in.contents import store_built_in  # noqa: PLC0415 - the API starts without numpy

        async with self._storing:
            await self._storages.run_within(_TIMEOUT_S, store_built_in, name, storage, Path())
        return True
