"""Sends datasets as zips, a limited number at once: each occupies a thread while it is read."""

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from api.datasets.contents.built_in import PUBLISHED_AT, BuiltInDatasets
from api.datasets.errors import ArchivesBusyError
from api.datasets.uploaded import find_uploaded
from api.http.places import Places
from api.records.datasets import DatasetCatalogue, find_built_in
from api.records.storages import Storages
from model.data.download.appended_zip import AppendedZip
from model.data.download.archive import open_archive
from model.data.record import IMAGES_FILE, dataset_key
from model.errors import ObjectMissingError
from model.spec import DatasetFacts
from worker.errors import DatasetNotFoundError

MAX_ARCHIVES = 16
_FETCH_TIMEOUT_S = 600.0
"""A bucket is asked for all images first."""
_OPEN_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class _Found:
    facts: DatasetFacts
    version: int | None
    created_at: datetime


class DatasetArchives:
    """Answers with the archive of a dataset."""

    def __init__(self, datasets: DatasetCatalogue, storages: Storages, built_in: BuiltInDatasets) -> None:
        self._datasets = datasets
        self._storages = storages
        self._built_in = built_in
        self._places = Places(MAX_ARCHIVES, ArchivesBusyError)

    async def response(self, ref: str, project: str) -> Response:
        """Return the archive, which is made while it is sent.

        Raises:
            DatasetNotFoundError: there is no such dataset.
            BuiltInDatasetError: the dataset is built in, and its images are downloaded.
            DatasetNotReadyError: the dataset is being imported.
            DatasetNotMadeError: its import was rejected or cancelled.
            ArchivesBusyError: the maximum number of datasets is being sent.
        """
        found = await self._find(ref, project)
        with ExitStack() as borrowed:
            borrowed.enter_context(self._places.one())
            archive = await self._open(found, project, borrowed)
            number = f"-{found.version}" if found.version else ""
            headers = {
                "Content-Length": str(archive.size),
                "Content-Disposition": f'attachment; filename="{found.facts.name}{number}.zip"',
                "ETag": f'"{found.facts.id}{number}"',
                "X-Content-Type-Options": "nosniff",
            }
            return _BorrowedArchive(borrowed.pop_all(), archive, headers)

    async def _find(self, ref: str, project: str) -> _Found:
        if (built_in := find_built_in(ref)) and await self._built_in.is_stored(built_in.id, project):
            return _Found(built_in, None, PUBLISHED_AT)
        found = await find_uploaded(self._datasets, ref, project)
        return _Found(found.facts, found.version, found.created_at)

    async def _open(self, found: _Found, project: str, borrowed: ExitStack) -> AppendedZip:
        stored = self._storages.of(project).as_file(dataset_key(found.facts.id, IMAGES_FILE))
        try:
            path = await self._storages.run_within(_FETCH_TIMEOUT_S, borrowed.enter_context, stored)
            opened = open_archive(path, found.facts, found.version, found.created_at)
            return await self._storages.run_within(_OPEN_TIMEOUT_S, borrowed.enter_context, opened)
        except (ObjectMissingError, FileNotFoundError):  # it was deleted during the request
            raise DatasetNotFoundError(found.facts.id) from None


class _BorrowedArchive(StreamingResponse):
    """Sends an archive, and returns its file to storage afterwards or on failure."""

    def __init__(self, borrowed: ExitStack, archive: AppendedZip, headers: dict[str, str]) -> None:
        super().__init__(iter(archive), media_type="application/zip", headers=headers)
        self._borrowed = borrowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the archive."""
        with self._borrowed:
            await super().__call__(scope, receive, send)
