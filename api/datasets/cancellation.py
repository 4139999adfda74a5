"""Cancels the import of a dataset. Knows no HTTP."""

from api.datasets.errors import DatasetReadyError
from api.records.dataset_schema import Dataset
from api.records.datasets import DatasetCatalogue
from model.data.built_in import BUILT_IN
from worker.queue.records import DatasetImport
from worker.queue.store import AsyncJobStore


async def cancel_import(datasets: DatasetCatalogue, store: AsyncJobStore, ref: str, project: str) -> Dataset:
    """Cancel the import of the dataset with this id or name; may be repeated.

    Raises:
        DatasetNotFoundError: there is no such dataset.
        DatasetReadyError: the dataset exists already.
        WrongStateError: the dataset was rejected.
    """
    if ref in BUILT_IN:
        raise DatasetReadyError
    found = await datasets.look_up(ref, project)
    if not isinstance(found, DatasetImport):
        raise DatasetReadyError
    text = await store.cancel_item(found.id, project)
    return Dataset.imported(DatasetImport.model_validate_json(text))
