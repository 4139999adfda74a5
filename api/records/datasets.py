"""Reads built-in datasets, uploaded datasets and imports as one list. Knows no HTTP."""

from api.feed.waiting import ChangeWaiter
from api.http.pages import Page
from api.records.dataset_schema import Dataset
from api.records.errors import DatasetNotMadeError, DatasetNotReadyError
from model.data.built_in.facts import BUILT_IN
from model.data.sources.published_files import BUILT_IN_FILES
from model.spec import DatasetFacts
from worker.errors import DatasetNotFoundError, JobNotFoundError
from worker.queue.ids import IMPORT_PREFIX
from worker.queue.records import DatasetImport
from worker.queue.states import Status
from worker.queue.store import AsyncJobStore
from worker.registry.datasets import AsyncDatasetRegistry, PendingDataset, RegisteredDataset


def find_built_in(ref: str) -> DatasetFacts | None:
    """Return the built-in dataset with this name; `digits@latest` and `digits@1` name it too."""
    name, _, version = ref.partition("@")
    return BUILT_IN.get(name) if version in ("", "latest", "1") else None


def lists_images(dataset_id: str) -> bool:
    """Return whether the images of a dataset have addresses; those of built-in datasets that are downloaded have none."""
    return not BUILT_IN_FILES.get(dataset_id)


class DatasetCatalogue:
    """All datasets of a project, whether they exist already or are being imported."""

    def __init__(self, store: AsyncJobStore, registry: AsyncDatasetRegistry, waiter: ChangeWaiter) -> None:
        self._store = store
        self._registry = registry
        self._waiter = waiter

    async def find(self, ref: str, project: str, wait_s: float = 0) -> Dataset:
        """Return the dataset with this id or name; of one that is processing, once it is not, or after `wait_s`.

        Raises:
            DatasetNotFoundError: there is no such dataset.
        """
        if built_in := find_built_in(ref):
            return Dataset.built_in(built_in)
        found = await self.look_up(ref, project)
        if isinstance(found, RegisteredDataset) or not wait_s:
            return _shown(found)
        import_id = found.id

        async def read() -> Dataset:
            return _shown(await self.look_up(import_id, project))

        return await self._waiter.read_changed(
            import_id,
            read,
            state_of=lambda dataset: dataset.status,
            is_final=lambda dataset: not dataset.is_processing,
            wait_s=wait_s,
        )

    async def find_with_status(self, ref: str, project: str) -> tuple[Dataset, str]:
        """Return a dataset and the status of its import; of a dataset that is ready, `succeeded`.

        Raises:
            DatasetNotFoundError: there is no such dataset.
        """
        if built_in := find_built_in(ref):
            return Dataset.built_in(built_in), Status.SUCCEEDED
        found = await self.look_up(ref, project)
        return _shown(found), found.status if isinstance(found, DatasetImport) else Status.SUCCEEDED

    async def look_up(self, ref: str, project: str) -> RegisteredDataset | DatasetImport:
        """Return the record of an uploaded dataset, or the import that has made none.

        Raises:
            DatasetNotFoundError: there is no such dataset.
        """
        found = await self._registry.find(ref, project)
        if not isinstance(found, PendingDataset):
            return found
        try:
            pending = await self._store.get_import(found.import_id, project)
        except JobNotFoundError:
            raise DatasetNotFoundError(ref) from None
        if pending.result:  # it has made the dataset meanwhile
            return await self._registry.get(pending.id, project)
        return pending

    async def look_up_ready(self, ref: str, project: str) -> RegisteredDataset:
        """Return the record of an uploaded dataset.

        Raises:
            DatasetNotFoundError: there is no such dataset.
            DatasetNotReadyError: it is being imported.
            DatasetNotMadeError: its import was rejected or cancelled.
        """
        found = await self.look_up(ref, project)
        if not isinstance(found, DatasetImport):
            return found
        if Dataset.imported(found).is_processing:
            raise DatasetNotReadyError(found.name, found.id)
        raise DatasetNotMadeError(found)

    async def versions(self, ref: str, project: str, limit: int, after: str) -> Page[Dataset]:
        """Return a page of the versions of a name, the latest first.

        Raises:
            DatasetNotFoundError: there is no such dataset.
        """
        if built_in := find_built_in(ref):
            return Page(data=[Dataset.built_in(built_in)], has_more=False)
        name = (await self._registry.get(ref, project)).facts.name
        found = await self._registry.list_versions(name, limit=limit, after=after, project=project)
        return Page(data=[Dataset.registered(one) for one in found.datasets], has_more=found.has_more)

    async def page(self, project: str, limit: int, after: str) -> Page[Dataset]:
        """Return a page: imports that made no dataset, then datasets, each newest first; then the built-in ones."""
        found: list[Dataset] = []
        if not after or after.startswith(IMPORT_PREFIX):
            imports = await self._store.list_imports(limit=limit + 1, after=after, project=project)
            found += [Dataset.imported(one) for one in imports]
            after = ""
        if len(found) <= limit and after not in BUILT_IN:
            uploaded = await self._registry.list_datasets(limit=limit, after=after, project=project)
            found += [Dataset.registered(one) for one in uploaded.datasets]
            if uploaded.has_more:
                return Page(data=found[:limit], has_more=True)
            after = ""
        if len(found) <= limit:
            names = list(BUILT_IN)
            remaining = names[names.index(after) + 1 :] if after else names
            found += [Dataset.built_in(BUILT_IN[name]) for name in remaining]
        return Page(data=found[:limit], has_more=len(found) > limit)


def _shown(found: RegisteredDataset | DatasetImport) -> Dataset:
    """Return an uploaded dataset, or an import as the dataset that it has not made."""
    if isinstance(found, RegisteredDataset):
        return Dataset.registered(found)
    return Dataset.imported(found)
