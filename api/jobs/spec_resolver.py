"""Fills the open fields of a job spec from its dataset and from the devices of the workers. Knows no HTTP."""

import time
from dataclasses import replace

from api.http.callers import Principal
from api.http.errors import InvalidRequestError
from api.jobs.errors import (
    DatasetProcessingError,
    DatasetUnusableError,
    InitModelNotInProductionError,
    UnknownDatasetError,
    UnknownInitModelError,
)
from api.records.datasets import DatasetCatalogue, find_built_in
from model.artifact.manifest import Manifest
from model.data.built_in.facts import BUILT_IN
from model.errors import UnfitSpecError
from model.recipes.starter import STARTER, is_start_open, starter_helps
from model.spec import DatasetFacts, JobSpec, ResolvedSpec
from worker.errors import DatasetNotFoundError, ModelNotFoundError
from worker.queue.calls.trainings import NewJob
from worker.queue.live_workers import AsyncLiveWorkers, training_devices
from worker.queue.records import DatasetImport
from worker.registry.datasets import AsyncDatasetRegistry
from worker.registry.errors import NoProductionError
from worker.registry.model_registry import AsyncModelRegistry
from worker.registry.spec_resolution import resolve_for_workers

_LISTED_DATASETS = 20
_DEVICES_CACHED_S = 5.0


class WorkerDevices:
    """The devices of each live worker that trains, cached for a few seconds."""

    def __init__(self, live_workers: AsyncLiveWorkers) -> None:
        self._live_workers = live_workers
        self._device_sets: list[list[str]] = []
        self._expires_at = 0.0

    async def read(self) -> list[list[str]]:
        """Return the list of devices of each live worker that trains."""
        if time.monotonic() > self._expires_at:
            self._device_sets = training_devices(await self._live_workers.list_workers())
            self._expires_at = time.monotonic() + _DEVICES_CACHED_S
        return self._device_sets


class SpecResolver:
    """Fills the open fields of a spec from its dataset and from the workers' devices."""

    def __init__(
        self,
        catalogue: DatasetCatalogue,
        datasets: AsyncDatasetRegistry,
        models: AsyncModelRegistry,
        devices: WorkerDevices,
    ) -> None:
        self._catalogue = catalogue
        self._datasets = datasets
        self._models = models
        self._devices = devices

    async def plan(self, spec: JobSpec, project: str) -> tuple[ResolvedSpec, list[str]]:
        """Return the complete spec, and warnings for the job's owner.

        Raises:
            UnknownDatasetError: there is no such dataset.
            DatasetProcessingError: the dataset is being imported, so nothing is known of it yet.
            DatasetUnusableError: the dataset was rejected or its import was cancelled.
            UnknownInitModelError: there is no such model to start from.
            InitModelNotInProductionError: no version of the model to start from is in production.
            InvalidRequestError: the batch is too small for the number of devices.
        """
        spec = await self._with_model_id(spec, project)
        found = await self._find(spec.dataset, project)
        if isinstance(found, DatasetImport):
            raise DatasetProcessingError(found.name)
        return await self._resolve(spec, found, project)

    async def new_job(self, spec: JobSpec, caller: Principal) -> NewJob:
        """Return the job to submit; its spec stays open when the job must wait for its dataset.

        Raises the errors of `plan`, but DatasetProcessingError.
        """
        spec = await self._with_model_id(spec, caller.project)
        found = await self._find(spec.dataset, caller.project)
        if isinstance(found, DatasetImport):
            posted = spec.model_copy(update={"dataset": found.id, "name": spec.name or found.name})
            job = NewJob(posted, waits_for=found.id)
        else:
            resolved, warnings = await self._resolve(spec, found, caller.project)
            job = NewJob(resolved, warnings=tuple(warnings), is_uploaded=resolved.dataset not in BUILT_IN)
        return replace(job, created_by=caller.name, project=caller.project, priority=spec.priority)

    async def _resolve(
        self, spec: JobSpec, facts: DatasetFacts, project: str
    ) -> tuple[ResolvedSpec, list[str]]:
        needs_starter = is_start_open(spec) and starter_helps(facts)
        starter = await self._starter(project) if needs_starter else None
        try:
            return resolve_for_workers(spec, facts, await self._devices.read(), starter)
        except UnfitSpecError as error:
            raise InvalidRequestError(str(error), field_errors=error.errors) from error

    async def _find(self, dataset: str, project: str) -> DatasetFacts | DatasetImport:
        """Find the facts of a dataset, or the import that will make the dataset."""
        if built_in := find_built_in(dataset):
            return built_in
        try:
            found = await self._catalogue.look_up(dataset, project)
        except DatasetNotFoundError:
            page = await self._datasets.list_datasets(limit=_LISTED_DATASETS, project=project)
            raise UnknownDatasetError([*BUILT_IN, *(known.facts.name for known in page.datasets)]) from None
        if not isinstance(found, DatasetImport):
            return found.facts
        if found.is_finished:
            raise DatasetUnusableError(found)
        return found

    async def _starter(self, project: str) -> Manifest | None:
        try:
            return (await self._models.resolve(STARTER, project)).manifest
        except (ModelNotFoundError, NoProductionError):
            return None

    async def _with_model_id(self, spec: JobSpec, project: str) -> JobSpec:
        """Replace the reference of `init_from` by the id of the model."""
        if not spec.init_from:
            return spec
        try:
            model = await self._models.resolve(spec.init_from, project)
        except ModelNotFoundError:
            raise UnknownInitModelError(spec.init_from) from None
        except NoProductionError:
            raise InitModelNotInProductionError from None
        return spec.model_copy(update={"init_from": model.manifest.id})
