"""Reads built-in and uploaded datasets as one list. Knows no HTTP."""

from api.datasets.schemas import Dataset
from api.http.pages import Page
from model.data.built_in import BUILT_IN
from worker.registry.datasets import AsyncDatasetRegistry


async def find_dataset(datasets: AsyncDatasetRegistry, ref: str) -> Dataset:
    """Return the dataset with this id or name.

    Raises:
        DatasetNotFoundError: there is no such dataset.
    """
    if ref in BUILT_IN:
        return Dataset.built_in(BUILT_IN[ref])
    return Dataset.registered(await datasets.get(ref))


async def list_page(datasets: AsyncDatasetRegistry, limit: int, after: str) -> Page[Dataset]:
    """Return the page after the dataset `after`: the uploaded datasets, newest first, then the built-in ones."""
    found: list[Dataset] = []
    has_more = False
    if after not in BUILT_IN:
        uploaded = await datasets.list_datasets(limit=limit, after=after)
        found, has_more, after = [Dataset.registered(one) for one in uploaded.datasets], uploaded.has_more, ""
    if not has_more:
        names = list(BUILT_IN)
        remaining = names[names.index(after) + 1 :] if after else names
        found += [Dataset.built_in(BUILT_IN[name]) for name in remaining]
    return Page(data=found[:limit], has_more=has_more or len(found) > limit)
