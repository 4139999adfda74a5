"""Receives a dataset's zip into storage and queues its import. Never opens the zip."""

from dataclasses import dataclass

from starlette.requests import Request

from api.datasets.submission import ImportSubmissions, check_name
from api.datasets.upload_file import WRITE_TIMEOUT_S, UploadFile, put_timeout_s
from api.datasets.upload_places import UploadPlaces
from api.datasets.zip_body import HINT, check_signature, read_buffers, too_large
from api.http.bodies import content_type
from api.http.callers import Principal
from api.http.errors import UnsupportedMediaTypeError
from api.records.storage_calls import StorageHangsError
from api.records.storage_space import StorageSpace
from api.records.storages import Storages
from model.data.import_options import ImportOptions
from model.host.failpoints import Failpoint, reach
from model.storage.interface import Storage
from worker.queue.calls.imports import NewImport
from worker.queue.ids import new_import_id, upload_key
from worker.queue.records import DatasetImport

_TYPES = {
    "",
    "application/zip",
    "application/x-zip-compressed",
    "application/octet-stream",
    "application/x-www-form-urlencoded",  # curl --data-binary sends this type
}


@dataclass(frozen=True)
class _Received:
    size_bytes: int
    sha256: str


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
        if corrections is None and content_type(request) not in _TYPES:
            raise UnsupportedMediaTypeError(HINT)
        check_name(name)
        import_id, storage = new_import_id(), self._storages.of(caller.project)
        with self._places.one():
            received = await self._store_body(request, storage, upload_key(import_id), corrections)
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

    async def _store_body(
        self, request: Request, storage: Storage, key: str, corrections: bytes | None
    ) -> _Received:
        """Write the body into a file, then make the file an object; without the object the file is removed."""
        file, is_hanging = UploadFile(storage, key), False
        try:
            await self._storages.run(file.open)
            if corrections is None:
                await self._write_body(request, file)
            else:
                await self._storages.run_within(WRITE_TIMEOUT_S, file.write, corrections)
            await self._storages.run_within(put_timeout_s(file.size_bytes), file.publish)
        except StorageHangsError:
            is_hanging = (
                True  # what is left is removed at the next start of a process of this host, or after a day
            )
            raise
        finally:
            if not is_hanging:
                await self._storages.run(file.close)
        return _Received(file.size_bytes, file.sha256)

    async def _write_body(self, request: Request, file: UploadFile) -> None:
        if int(request.headers.get("content-length", 0)) > self._limits.max_bytes:
            raise too_large(self._limits.max_bytes)
        async for data in read_buffers(request, self._limits.timeout_s):
            if file.size_bytes + len(data) > self._limits.max_bytes:
                raise too_large(self._limits.max_bytes)
            if not file.size_bytes:
                check_signature(data)
            await self._storages.run_within(WRITE_TIMEOUT_S, file.write, data)
