"""Finds uploaded datasets that are ready. Knows no HTTP."""

from api.datasets.errors import BuiltInDatasetError
from api.records.datasets import DatasetCatalogue, find_built_in
from worker.registry.datasets import RegisteredDataset


async def find_uploaded(datasets: DatasetCatalogue, ref: str, project: str) -> RegisteredDataset:
    """Return the uploaded dataset with this id or name.

    Raises:
        DatasetNotFoundError: there is no such dataset.
        BuiltInDatasetError: it is built in.
        DatasetNotReadyError: it is being imported.
        DatasetNotMadeError: its import was rejected or cancelled.
    """
    if find_built_in(ref):
        raise BuiltInDatasetError
    return await datasets.look_up_ready(ref, project)
