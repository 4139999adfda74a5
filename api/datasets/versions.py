"""Makes the next version of a dataset from corrections, or from a zip of images to add and corrections in it."""

import io
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from pydantic import Field
from starlette.requests import Request

from api.datasets.options import Note
from api.datasets.uploaded import find_uploaded
from api.datasets.uploads import DatasetUploads
from api.http.bodies import content_type, read_json
from api.http.callers import Principal
from api.http.errors import InvalidRequestError
from api.records.datasets import DatasetCatalogue
from model.data.import_options import ImportOptions
from model.data.versions.corrections import CORRECTIONS_FILE, MAX_CORRECTIONS_BYTES, Corrections
from worker.queue.records import DatasetImport

_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
"""The same corrections make the same zip, so that a repeated request is recognised."""


class NewVersion(Corrections):
    """What the next version of a dataset changes."""

    note: Note | None = Field(default=None, description="What you say of this version.")


class DatasetVersions:
    """Receives corrections and images, and queues the import that makes the version."""

    def __init__(self, datasets: DatasetCatalogue, uploads: DatasetUploads) -> None:
        self._datasets = datasets
        self._uploads = uploads

    async def receive(
        self,
        request: Request,
        ref: str,
        caller: Principal,
        *,
        note: str | None,
        options: ImportOptions,
        idempotency_key: str | None,
    ) -> DatasetImport:
        """Read corrections as JSON, or a zip, and queue the import of the next version of the dataset `ref`.

        Raises:
            DatasetNotFoundError: there is no such dataset.
            BuiltInDatasetError: the dataset is built in.
            DatasetNotReadyError: the dataset is being imported.
            DatasetNotMadeError: its import was rejected or cancelled.
            InvalidRequestError: the corrections name no image.
        """
        found = await find_uploaded(self._datasets, ref, caller.project)
        corrections = None
        if content_type(request) == "application/json":
            posted = await read_json(request, NewVersion, MAX_CORRECTIONS_BYTES)
            if not posted.count:
                raise InvalidRequestError(
                    "Nothing to change: name images in relabel, remove or keep_one, or send a zip of images to add."
                )
            corrections, note = _zip_of(posted), posted.note or note
        return await self._uploads.receive(
            request,
            found.facts.name,
            options,
            caller,
            idempotency_key,
            parent=found.facts.id,
            note=note,
            corrections=corrections,
        )


def _zip_of(posted: NewVersion) -> bytes:
    file = io.BytesIO()
    with ZipFile(file, "w", ZIP_STORED) as archive:
        corrections = posted.model_dump_json(by_alias=True, exclude={"note"})
        archive.writestr(ZipInfo(CORRECTIONS_FILE, _ZIP_TIME), corrections)
    return file.getvalue()
