"""Queues the import of an upload that is in storage. Knows no HTTP."""

from api.records.storages import Storages
from api.records.undoing import undone_if_refused
from api.records.wake_up_throttle import WakeUpThrottle
from model.data.built_in.facts import BUILT_IN
from model.host.failpoints import Failpoint, reach
from worker.errors import DatasetNameTakenError
from worker.queue.calls.imports import NewImport
from worker.queue.kinds import Lane
from worker.queue.records import DatasetImport
from worker.queue.store import AsyncJobStore


class ImportSubmissions:
    """Queues imports, whatever brought their images."""

    def __init__(
        self, store: AsyncJobStore, storages: Storages, wake_ups: WakeUpThrottle, max_queued: int
    ) -> None:
        self._store = store
        self._storages = storages
        self._wake_ups = wake_ups
        self._max_queued = max_queued

    async def submit(self, new: NewImport, idempotency_key: str | None = None) -> DatasetImport:
        """Queue an import; return the first one if this upload was sent before.

        A zip that no import will read is deleted. Parts are kept: the client may ask again.

        Raises:
            DatasetNameTakenError: another upload is being imported under this name.
            IdempotencyMismatchError: the key was used with another name or other bytes.
            QueueFullError: too many imports are queued.
        """
        async with undone_if_refused(lambda: self._delete_zip(new)):
            submitted = await self._store.submit_import(new, idempotency_key, queue_limit=self._max_queued)
        reach(Failpoint.SUBMIT_RECORDED)
        if not submitted.is_replay:
            self._wake_ups.request(Lane.LIGHT)
            reach(Failpoint.SUBMIT_WAKE_UP_SENT)
        elif submitted.dataset_import.id != new.import_id:
            await self._delete(new)
        return submitted.dataset_import

    async def _delete_zip(self, new: NewImport) -> None:
        if not new.has_parts:
            await self._delete(new)

    async def _delete(self, new: NewImport) -> None:
        if new.upload is not None:
            await self._storages.run(self._storages.of(new.project).delete, new.upload)


def check_name(name: str) -> None:
    """Raise DatasetNameTakenError if the name is that of a built-in dataset."""
    if name in BUILT_IN:
        raise DatasetNameTakenError(name)
