"""Receives a dataset's zip in parts, over several requests and processes, and queues its import after the last one."""

import asyncio
from contextlib import suppress

from starlette.requests import ClientDisconnect, Request

from api.datasets.resumable.part_writer import PartWriter, fingerprint
from api.datasets.submission import ImportSubmissions, check_name
from api.datasets.upload_places import HINT, UploadPlaces
from api.datasets.uploaded import find_uploaded
from api.http.errors import BodyTimeoutError
from api.records.datasets import DatasetCatalogue
from api.records.errors import EmptyUploadError
from api.records.storage_space import StorageSpace
from api.records.storages import Storages
from api.records.zip_body import check_signature, read_buffers
from worker.errors import WorkerError, WrongOffsetError
from worker.queue.calls.imports import NewImport
from worker.queue.calls.uploads import PARTS, UploadRecord, UploadState, parts_list_key
from worker.queue.ids import new_import_id, parts_folder
from worker.queue.store import AsyncJobStore


class ResumableUploads:
    """The uploads of all projects. The id of an upload is that of the import that it becomes."""

    def __init__(
        self,
        datasets: DatasetCatalogue,
        store: AsyncJobStore,
        submissions: ImportSubmissions,
        storages: Storages,
        space: StorageSpace,
        *,
        places: UploadPlaces,
    ) -> None:
        self._datasets = datasets
        self._store = store
        self._submissions = submissions
        self._storages = storages
        self._space = space
        self._places = places
        self.max_bytes = places.limits.max_bytes

    async def create(
        self, record: UploadRecord, length: int | None, project: str, idempotency_key: str | None
    ) -> UploadState:
        """Begin an upload.

        Raises:
            ApiError: it is to have no bytes, or too many.
            StorageFullError: storage has too little room for new datasets.
            DatasetNameTakenError: the name is that of a built-in dataset.
            BuiltInDatasetError: the dataset to add to is built in.
            DatasetNotFoundError: there is no dataset to add to.
            DatasetNotReadyError: the dataset to add to is being imported.
            DatasetNotMadeError: its import was rejected or cancelled.
            IdempotencyMismatchError: the key was used for another upload.
        """
        await self._space.require()
        if record.parent is not None:
            parent = (await find_uploaded(self._datasets, record.parent, project)).facts
            record = record.model_copy(update={"name": parent.name, "parent": parent.id})
        check_name(record.name)
        self._check_length(length)
        upload_id = await self._store.create_upload(new_import_id(), record, length, project, idempotency_key)
        return await self._store.read_upload(upload_id, project)

    async def state(self, upload_id: str, project: str) -> UploadState:
        """Return how far an upload is. If all bytes have arrived and no import is queued, queue the import.

        Raises:
            UploadNotFoundError: it is unknown or has expired.
        """
        state = await self._store.read_upload(upload_id, project)
        if not state.is_complete or state.dataset_id:
            return state
        await self._queue_import(state, project)
        return await self._store.read_upload(upload_id, project)

    async def append(
        self, request: Request, upload_id: str, offset: int, length: int | None, project: str
    ) -> UploadState:
        """Receive the next bytes, and queue the import after the last ones. What arrived of a cut body counts.

        Raises:
            ApiError: the bytes are not those of a zip, too many or too slow, or too many uploads are under way.
            UploadNotFoundError: the upload is unknown or has expired.
            WrongOffsetError: other bytes have arrived before, or the upload has another length.
            StorageFullError: storage has too little room for new datasets.
            ClientDisconnect: the client disconnected.
        """
        state = await self._store.read_upload(upload_id, project)
        if state.offset != offset or (length is not None and state.length not in (None, length)):
            raise WrongOffsetError(str(state.offset))
        self._check_length(length)
        known_length = length if state.length is None else state.length
        if not state.is_complete:
            await self._space.require()
            with self._places.one():
                await self._receive(request, state, known_length, project)
        return await self.state(upload_id, project)

    async def end(self, upload_id: str, project: str) -> None:
        """Forget an upload, and delete its parts unless an import reads them.

        Raises:
            UploadNotFoundError: it is unknown or has expired.
        """
        if await self._store.delete_upload(upload_id, project):
            storage = self._storages.of(project)
            await self._storages.run(storage.delete, parts_folder(upload_id))

    def _check_length(self, length: int | None) -> None:
        if length == 0:
            raise EmptyUploadError("An upload has at least one byte: send the zip itself.")
        if length is not None and length > self.max_bytes:
            raise self._places.limits.too_large()

    async def _receive(self, request: Request, state: UploadState, length: int | None, project: str) -> None:
        most = self.max_bytes if length is None else length
        self._check_end(state.offset + int(request.headers.get("content-length", 0)), most, length)
        writer = PartWriter(
            self._store, self._storages, state.id, state.offset, length=length, project=project
        )
        try:
            async for data in read_buffers(request, self._places.limits.timeout_s):
                self._check_end(writer.end + len(data), most, length)
                if data:
                    if not writer.end:
                        check_signature(data, HINT)
                    await writer.write(data)
            await writer.keep()
            if writer.offset == state.offset:  # an empty body may say the length
                await self._store.append_part(state.id, state.offset, None, length=length, project=project)
        except (ClientDisconnect, BodyTimeoutError):
            with suppress(
                WorkerError
            ):  # the client has sent these bytes again already, or has ended the upload
                await writer.keep()
            raise
        finally:
            await asyncio.shield(writer.close())

    def _check_end(self, end: int, most: int, length: int | None) -> None:
        if end > self.max_bytes:
            raise self._places.limits.too_large()
        if end > most:
            raise WrongOffsetError(str(length))

    async def _queue_import(self, state: UploadState, project: str) -> None:
        parts, storage, folder = list(state.parts), self._storages.of(project), parts_folder(state.id)
        await self._storages.run(storage.put_bytes, parts_list_key(folder), PARTS.dump_json(parts))
        new = NewImport(
            state.id,
            state.record.name,
            state.offset,
            fingerprint(parts),
            state.record.created_by,
            project,
            state.record.options,
            has_parts=True,
            parent=state.record.parent,
            note=state.record.note,
        )
        await self._submissions.submit(new)
