"""Receives bundles, queues their imports, and finds, cancels and deletes these. Never opens a bundle."""

from starlette.requests import Request

from api.http.bodies import content_type
from api.http.callers import Principal
from api.http.errors import BodyTooLargeError, UnsupportedMediaTypeError
from api.http.places import Places
from api.models.imports.errors import ModelImportNotFoundError, ModelImportsBusyError
from api.records.storage_space import StorageSpace
from api.records.storages import Storages
from api.records.stored_zip import ZIP_TYPES, StoredZip, store_zip, zip_chunks
from api.records.undoing import undone_if_refused
from api.records.work_queue import WorkQueue
from worker.queue.calls.model_imports import NewModelImport
from worker.queue.ids import MODEL_IMPORT_PREFIX, new_model_import_id, upload_key
from worker.queue.records import ModelImport

HINT = "Send the bundle itself: curl --data-binary @flowers-3.zip."
_MAX_UPLOADS = 4
_TIMEOUT_S = 3600.0


class ModelImports:
    """The imports of models."""

    def __init__(self, queue: WorkQueue, storages: Storages, space: StorageSpace, max_bytes: int) -> None:
        self._queue = queue
        self._storages = storages
        self._space = space
        self._max_bytes = max_bytes
        self._places = Places(_MAX_UPLOADS, ModelImportsBusyError)

    async def receive(
        self, request: Request, name: str | None, caller: Principal, idempotency_key: str | None
    ) -> ModelImport:
        """Read a bundle from the request into storage and queue its import.

        The import no longer depends on the client once this returns. A body that is cut short leaves nothing.

        Raises:
            ApiError: the body is not a zip, too large or too slow, or too many bundles are being uploaded.
            StorageFullError: storage has too little room.
            StorageHangsError: storage does not answer.
            IdempotencyMismatchError: the key was used with another name or other bytes.
            QueueFullError: too many imports are queued.
            ClientDisconnect: the client disconnected before the body was complete.
        """
        await self._space.require()
        if content_type(request) not in ZIP_TYPES:
            raise UnsupportedMediaTypeError(HINT)
        import_id = new_model_import_id()
        with self._places.one():
            stored = await self._store_body(request, upload_key(import_id), caller.project)
        new = NewModelImport(import_id, name, stored.size_bytes, stored.sha256, caller.name, caller.project)
        return await self._submit(new, idempotency_key)

    async def _store_body(self, request: Request, key: str, project: str) -> StoredZip:
        too_large = BodyTooLargeError(
            f"A bundle may have {self._max_bytes} bytes at most: raise NINEFOLD_MAX_MODEL_BYTES if yours is larger."
        )
        chunks = zip_chunks(request, self._max_bytes, _TIMEOUT_S, hint=HINT, too_large=too_large)
        return await store_zip(self._storages, self._storages.of(project), key, chunks)

    async def _submit(self, new: NewModelImport, idempotency_key: str | None) -> ModelImport:
        async with undone_if_refused(lambda: self._delete(new.upload, new.project)):
            submitted = await self._queue.store.submit_model_import(new, idempotency_key)
        if submitted.model_import.id != new.import_id:
            await self._delete(new.upload, new.project)
        elif not submitted.is_replay:
            self._queue.wake_worker()
        return submitted.model_import

    async def find(self, import_id: str, project: str, wait_s: float = 0) -> ModelImport:
        """Return an import; with `wait_s`, once it has ended, or after this time.

        Raises:
            ModelImportNotFoundError: there is no such import.
        """
        if not import_id.startswith(MODEL_IMPORT_PREFIX):
            raise ModelImportNotFoundError

        return await self._queue.find(
            import_id,
            lambda: self._queue.store.get_model_import(import_id, project),
            unknown=ModelImportNotFoundError,
            wait_s=wait_s,
        )

    async def cancel_or_delete(self, import_id: str, project: str) -> ModelImport | None:
        """Cancel an import that has not ended; delete the record of one that has, and return None. Its model stays.

        Raises:
            ModelImportNotFoundError: there is no such import.
            PublishCommittedError: the model is being published.
        """
        found = await self.find(import_id, project)
        cancelled = await self._queue.cancel(found, project)
        if cancelled is None:
            await self._queue.forget(found.id, project)
        elif cancelled.is_finished:
            await self._delete(upload_key(import_id), project)
        return cancelled

    async def _delete(self, key: str, project: str) -> None:
        await self._storages.run(self._storages.of(project).delete, key)
