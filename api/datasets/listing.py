"""Datasets as answers: the built-in ones and the uploaded ones as one list; knows no route."""

from dataclasses import replace

from api.schemas import Dataset, Page
from api.services import Services
from model.data.built_in import BUILT_IN
from model.spec import DatasetFacts
from worker.errors import DatasetNotFoundError
from worker.queue.listing import JobFilters
from worker.registry.datasets import RegisteredDataset


def registered(entry: RegisteredDataset) -> Dataset:
    """An uploaded dataset."""
    return _dataset(entry.facts, entry)


def _built_in(facts: DatasetFacts) -> Dataset:
    return _dataset(facts, None)


def _dataset(facts: DatasetFacts, entry: RegisteredDataset | None) -> Dataset:
    return Dataset(
        id=facts.id,
        name=facts.name,
        is_built_in=entry is None,
        classes=facts.classes,
        train_counts=facts.train_counts,
        test_counts=facts.test_counts,
        images=facts.train_images + sum(facts.test_counts),
        median_width=facts.median_width,
        median_height=facts.median_height,
        content_hash=facts.content_hash,
        size_bytes=entry.size_bytes if entry else None,
        skipped_count=entry.skipped_count if entry else 0,
        skipped=entry.skipped if entry else [],
        created_by=entry.created_by if entry else None,
        created_at=entry.created_at if entry else None,
    )


async def find(services: Services, ref: str) -> Dataset:
    """The dataset of an id or a name."""
    if ref in BUILT_IN:
        return _built_in(BUILT_IN[ref])
    return registered(await services.datasets.get(ref))


async def by_id(services: Services, filters: JobFilters) -> JobFilters:
    """The same filters with a dataset's name replaced by its id, under which jobs are listed."""
    if filters.dataset is None or filters.dataset in BUILT_IN:
        return filters
    try:
        known = await services.datasets.get(filters.dataset)
    except DatasetNotFoundError:
        return filters
    return replace(filters, dataset=known.facts.id)


async def page(services: Services, limit: int, after: str) -> Page[Dataset]:
    """A page: the uploaded ones, newest first, then the built-in ones."""
    found: list[Dataset] = []
    has_more = False
    if after not in BUILT_IN:
        uploaded = await services.datasets.list_datasets(limit=limit, after=after)
        found, has_more, after = [registered(entry) for entry in uploaded.datasets], uploaded.has_more, ""
    if not has_more:
        names = list(BUILT_IN)
        rest = names[names.index(after) + 1 :] if after else names
        found += [_built_in(BUILT_IN[name]) for name in rest]
    return Page(data=found[:limit], has_more=has_more or len(found) > limit)
