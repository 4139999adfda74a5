"""Reads the report, the images and the skipped files of a dataset. Decodes no image that was uploaded. Knows no HTTP."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from api.datasets.contents.built_in import PUBLISHED_AT, BuiltInDatasets
from api.datasets.contents.errors import (
    ImageNotFoundError,
    NoReportError,
)
from api.datasets.contents.index_files import IndexFiles, IndexKey
from api.datasets.contents.label_errors import (
    LabelErrorReader,
    page_of,
    with_label_errors,
    with_suggestion,
)
from api.datasets.uploaded import find_uploaded
from api.http.errors import invalid_field
from api.records.datasets import DatasetCatalogue, find_built_in
from api.records.errors import UnknownClassError
from api.records.storages import Storages
from model.data.files.place import Place
from model.data.record import IMAGES_FILE, SkippedFile, dataset_key
from model.data.report.codes import FindingCode
from model.data.report.reading import DatasetIndex, ImageFilter, IndexedImage, NoSuchImageError
from model.data.report.schema import Report
from model.errors import ObjectMissingError

T = TypeVar("T")

_CHUNK_BYTES = 4 << 20
"""An original has at most 64 MiB; this much of it is in memory."""
_SKIPPED_AT_ONCE = 1000
_UNKNOWN_AFTER = (
    "Pass the id of the last image that you have; it must belong to the same dataset and finding."
)


@dataclass(frozen=True)
class Found:
    """A dataset that has a report."""

    project: str
    id: str
    name: str
    classes: list[str]
    added_at: datetime


class ContentsReader:
    """Reads what is in the datasets of all projects."""

    def __init__(
        self,
        datasets: DatasetCatalogue,
        storages: Storages,
        indexes: IndexFiles,
        label_errors: LabelErrorReader,
        built_in: BuiltInDatasets,
    ) -> None:
        self._datasets = datasets
        self._storages = storages
        self._indexes = indexes
        self._label_errors = label_errors
        self._built_in = built_in

    async def find(self, ref: str, project: str) -> Found:
        """Return the dataset with this id or name.

        Raises:
            DatasetNotFoundError: there is none.
            NoReportError: it is built in, and its images are downloaded.
            DatasetNotReadyError: it is being imported.
            DatasetNotMadeError: its import was rejected or cancelled.
        """
        if built_in := find_built_in(ref):
            if not await self._built_in.is_stored(built_in.id, project):
                raise NoReportError(built_in.id)
            return Found(project, built_in.id, built_in.name, built_in.classes, PUBLISHED_AT)
        found = await find_uploaded(self._datasets, ref, project)
        return Found(project, found.facts.id, found.facts.name, found.facts.classes, found.created_at)

    async def report(self, dataset: Found) -> Report:
        """Return the report; raises NoReportError when an earlier release imported the dataset."""
        report = await self._read(dataset, DatasetIndex.report)
        errors = await self._label_errors.read(dataset.project, dataset.id)
        return with_label_errors(report, errors, dataset.name)

    async def images(self, dataset: Found, wanted: ImageFilter, after: str, limit: int) -> list[IndexedImage]:
        """Return the next images that are wanted.

        Raises:
            NoReportError: an earlier release imported the dataset.
            UnknownClassError: the dataset has no such class.
            InvalidRequestError: `after` is not on the list.
        """
        if wanted.label is not None and wanted.label not in dataset.classes:
            raise UnknownClassError("dataset", "class", dataset.classes)
        try:
            if wanted.finding == FindingCode.LABEL_ERRORS:
                errors = await self._label_errors.read(dataset.project, dataset.id)
                listed = errors.images if errors else []
                return await self._read(dataset, lambda index: page_of(index, listed, wanted, after, limit))
            return await self._read(dataset, lambda index: index.page(wanted, after, limit))
        except NoSuchImageError:
            raise invalid_field("after", _UNKNOWN_AFTER) from None

    async def image(self, dataset: Found, image_id: str) -> IndexedImage:
        """Return an image; raises ImageNotFoundError."""
        try:
            return await self._read(dataset, lambda index: index.image(image_id))
        except NoSuchImageError:
            raise ImageNotFoundError from None

    async def with_label_error(self, dataset: Found, image: IndexedImage) -> IndexedImage:
        """Return the image with the class that it probably belongs to, if its label is probably wrong."""
        errors = await self._label_errors.read(dataset.project, dataset.id)
        error = next((one for one in errors.images if one.image == image.id), None) if errors else None
        return with_suggestion(image, error) if error else image

    async def thumbnail(self, dataset: Found, image: IndexedImage) -> bytes:
        """Return the thumbnail of an image, a WebP file."""
        return await self._bytes(dataset, image.thumbnails_file, image.thumbnail)

    async def original(self, dataset: Found, image: IndexedImage) -> AsyncIterator[bytes]:
        """Yield the bytes of an image as it was uploaded."""
        start, end = image.original.offset, image.original.offset + image.original.length
        for offset in range(start, end, _CHUNK_BYTES):
            yield await self._bytes(dataset, IMAGES_FILE, Place(offset, min(_CHUNK_BYTES, end - offset)))

    async def skipped(self, dataset: Found) -> AsyncIterator[list[SkippedFile]]:
        """Yield all skipped files, some at once."""
        after = 0
        while files := await self._read(dataset, lambda index: index.skipped(after, _SKIPPED_AT_ONCE)):  # noqa: B023 - called at once
            yield [file for _, file in files]
            after = files[-1][0]

    async def _read(self, dataset: Found, query: Callable[[DatasetIndex], T]) -> T:
        try:
            return await self._indexes.read(IndexKey(dataset.project, dataset.id, dataset.added_at), query)
        except ObjectMissingError:
            raise NoReportError from None

    async def _bytes(self, dataset: Found, file: str, place: Place) -> bytes:
        storage = self._storages.of(dataset.project)
        return await self._storages.run(
            storage.read_range, dataset_key(dataset.id, file), place.offset, place.length
        )
