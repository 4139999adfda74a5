"""The query parameters that narrow a list of jobs."""

from dataclasses import replace
from typing import Annotated

from fastapi import Depends, Query

from api.http.callers import Caller
from api.records.datasets import find_built_in
from worker.errors import DatasetNotFoundError
from worker.queue.calls.listing import JobFilters
from worker.queue.states import Status
from worker.registry.datasets import AsyncDatasetRegistry, PendingDataset

_Text = Annotated[str | None, Query(min_length=1, max_length=128)]


async def _filters(
    caller: Caller, status: Status | None = None, name: _Text = None, dataset: _Text = None, tag: _Text = None
) -> JobFilters:
    return JobFilters(status=status, name=name, dataset=dataset, tag=tag, project=caller.project)


Filters = Annotated[JobFilters, Depends(_filters)]


async def with_dataset_id(filters: JobFilters, datasets: AsyncDatasetRegistry) -> JobFilters:
    """Replace a dataset's name by its id, because the index of jobs uses ids: that of its import until it is ready."""
    if filters.dataset is None:
        return filters
    if built_in := find_built_in(filters.dataset):
        return replace(filters, dataset=built_in.id)
    try:
        found = await datasets.find(filters.dataset, filters.project)
    except DatasetNotFoundError:
        return filters
    dataset_id = found.import_id if isinstance(found, PendingDataset) else found.facts.id
    return replace(filters, dataset=dataset_id)
