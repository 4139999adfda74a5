"""Cancels the import of a dataset, or deletes a dataset or an import that made none. Knows no HTTP."""

from contextlib import suppress

from api.datasets.errors import BuiltInDatasetError, DatasetReadyError
from api.records.dataset_schema import Dataset
from api.records.datasets import DatasetCatalogue, find_built_in
from api.records.storages import Storages
from worker.errors import JobNotFoundError, WrongStateError
from worker.queue.ids import IMPORT_PREFIX
from worker.queue.records import DatasetImport
from worker.queue.store import AsyncJobStore
from worker.registry.datasets import AsyncDatasetRegistry
from worker.registry.deletion import delete_dataset_files

_DELETE_TIMEOUT_S = 60.0


class DatasetDeletion:
    """Deletes datasets and imports. The next worker that starts completes a deletion that was interrupted."""

    def __init__(
        self,
        datasets: DatasetCatalogue,
        registry: AsyncDatasetRegistry,
        store: AsyncJobStore,
        storages: Storages,
    ) -> None:
        self._datasets = datasets
        self._registry = registry
        self._store = store
        self._storages = storages

    async def cancel_or_delete(self, ref: str, project: str) -> Dataset | None:
        """Cancel the import with this id or name; delete what is ready, was rejected or cancelled, and return None.

        Raises:
            DatasetNotFoundError: there is no such dataset.
            BuiltInDatasetError: the dataset is built in.
            DatasetReadyError: the import with this id has made its dataset.
            DatasetInUseError: a job, an import or an evaluation that has not ended needs the dataset.
        """
        if find_built_in(ref):
            raise BuiltInDatasetError
        found = await self._datasets.look_up(ref, project)
        if not isinstance(found, DatasetImport):
            if ref.startswith(IMPORT_PREFIX):  # the caller wanted to cancel it
                raise DatasetReadyError(found.facts.id)
            await self._delete(found.facts.id, project)
            return None
        if found.is_finished:
            with suppress(JobNotFoundError):  # another request has deleted it
                await self._store.delete(found.id, project)
            return None
        try:
            text = await self._store.cancel_item(found.id, project)
        except WrongStateError:  # it has ended since it was looked up
            return await self.cancel_or_delete(found.id, project)
        return Dataset.imported(DatasetImport.model_validate_json(text))

    async def _delete(self, dataset_id: str, project: str) -> None:
        await self._registry.begin_deletion(dataset_id, project)
        storage = self._storages.of(project)
        await self._storages.run_within(_DELETE_TIMEOUT_S, delete_dataset_files, storage, dataset_id)
        await self._registry.end_deletion(dataset_id, project)
