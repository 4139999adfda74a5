"""Cancels the import of a dataset, or deletes one that made no dataset. Knows no HTTP."""

from contextlib import suppress

from api.datasets.errors import DatasetReadyError
from api.records.dataset_schema import Dataset
from api.records.datasets import DatasetCatalogue
from model.data.built_in import BUILT_IN
from worker.errors import JobNotFoundError, WrongStateError
from worker.queue.records import DatasetImport
from worker.queue.store import AsyncJobStore


async def cancel_or_delete(
    datasets: DatasetCatalogue, store: AsyncJobStore, ref: str, project: str
) -> Dataset | None:
    """Cancel the import with this id or name; delete it if it was rejected or cancelled before, and return None.

    Raises:
        DatasetNotFoundError: there is no such dataset.
        DatasetReadyError: the dataset exists already.
    """
    if ref in BUILT_IN:
        raise DatasetReadyError
    found = await datasets.look_up(ref, project)
    if not isinstance(found, DatasetImport):
        raise DatasetReadyError
    if found.is_finished:
        with suppress(JobNotFoundError):  # another request has deleted it
            await store.delete(found.id, project)
        return None
    try:
        text = await store.cancel_item(found.id, project)
    except WrongStateError:  # it has ended since it was looked up
        return await cancel_or_delete(datasets, store, found.id, project)
    return Dataset.imported(DatasetImport.model_validate_json(text))
