"""Receives a dataset's zip into storage and queues its import. Never opens the zip."""

from collections.abc import AsyncIterator

from starlette.requests import Request

from api.datasets.submission import ImportSubmissions, check_name
from api.datasets.upload_places import HINT, UploadPlaces
from api.http.bodies import content_type
from api.http.callers import Principal
from api.http.errors import UnsupportedMediaTypeError
from api.records.storage_space import StorageSpace
from api.records.storages import Storages
from api.records.stored_zip import ZIP_TYPES, store_zip, zip_chunks
from model.data.import_options import ImportOptions
from model.host.failpoints import Failpoint, reach
from worker.queue.calls.imports import NewImport
from worker.queue.ids import new_import_id, upload_key
from worker.queue.records import DatasetImport


class DatasetUploads:
    """Receives zips, a limited number at a time."""

    def __init__(
        self, submissions: ImportSubmissions, storages: Storages, space: StorageSpace, places: UploadPlaces
    ) -> None:
        self._submissions = submissions
        self._storages = storages
        self._space = space
        self._places = places
        self._limits = places.limits

    async def receive(
        self,
        request: Request,
        name: str,
        options: ImportOptions,
        caller: Principal,
        idempotency_key: str | None,
        *,
        parent: str | None = None,
        note: str | None = None,
        corrections: bytes | None = None,
    ) -> DatasetImport:
        """Read the zip from the request into storage and queue its import under `name`.

        With `parent`, the id of a dataset, the import makes the next version of it; `corrections` is a whole zip that was
        read from the request already.

        The import no longer depends on the client once this returns. A body that is cut short leaves nothing.

        Raises:
            ApiError: the body is not a zip, too large or too slow, or too many uploads are under way.
            StorageFullError: storage has too little room for new datasets.
            StorageHangsError: storage does not answer.
            ParentDeletedError: the dataset `parent` was deleted.
            DatasetNameTakenError: the name is that of a built-in dataset, or another upload is imported under it.
            IdempotencyMismatchError: the key was used with another name or other bytes.
            ClientDisconnect: the client disconnected before the body was complete.
        """
        await self._space.require()
        if corrections is None and content_type(request) not in ZIP_TYPES:
            raise UnsupportedMediaTypeError(HINT)
        check_name(name)
        import_id, storage = new_import_id(), self._storages.of(caller.project)
        with self._places.one():
            chunks = self._chunks(request, corrections)
            received = await store_zip(self._storages, storage, upload_key(import_id), chunks)
        reach(Failpoint.SUBMIT_RESOLVED)
        new = NewImport(
            import_id,
            name,
            received.size_bytes,
            received.sha256,
            caller.name,
            caller.project,
            options,
            parent=parent,
            note=note,
        )
        return await self._submissions.submit(new, idempotency_key)

    async def _chunks(self, request: Request, corrections: bytes | None) -> AsyncIterator[bytes | bytearray]:
        if corrections is not None:
            yield corrections
            return
        limits = self._limits
        async for data in zip_chunks(
            request, limits.max_bytes, limits.timeout_s, hint=HINT, too_large=limits.too_large()
        ):
            yield data
