"""Fills the open fields of a job spec from its dataset and from the devices of the workers. Knows no HTTP."""

import time

from api.http.errors import InvalidRequestError
from api.jobs.errors import UnknownDatasetError, UnknownInitModelError
from model.data.built_in import BUILT_IN
from model.errors import UnfitSpecError
from model.recipes.defaults import resolve
from model.spec import DatasetFacts, JobSpec, ResolvedSpec
from worker.errors import DatasetNotFoundError, ModelNotFoundError, NoProductionError
from worker.queue.live_workers import AsyncLiveWorkers
from worker.registry.datasets import AsyncDatasetRegistry
from worker.registry.model_registry import AsyncModelRegistry

_LISTED_DATASETS = 20
_DEVICES_CACHED_S = 5.0


class WorkerDevices:
    """The devices of each live worker, cached for a few seconds."""

    def __init__(self, live_workers: AsyncLiveWorkers) -> None:
        self._live_workers = live_workers
        self._device_sets: list[list[str]] = []
        self._expires_at = 0.0

    async def read(self) -> list[list[str]]:
        """Return the list of devices of each live worker."""
        if time.monotonic() > self._expires_at:
            workers = await self._live_workers.list_workers()
            self._device_sets = [worker.devices for worker in workers]
            self._expires_at = time.monotonic() + _DEVICES_CACHED_S
        return self._device_sets


class SpecResolver:
    """Fills the open fields of a spec from its dataset and from the workers' devices."""

    def __init__(
        self, datasets: AsyncDatasetRegistry, models: AsyncModelRegistry, devices: WorkerDevices
    ) -> None:
        self._datasets = datasets
        self._models = models
        self._devices = devices

    async def resolve(self, spec: JobSpec) -> tuple[ResolvedSpec, list[str]]:
        """Return the complete spec, and warnings for the job's owner.

        Raises:
            UnknownDatasetError: there is no such dataset.
            UnknownInitModelError: there is no such model to start from.
            InvalidRequestError: the batch is too small for the number of devices.
        """
        if spec.init_from:
            spec = spec.model_copy(update={"init_from": await self._model_id(spec.init_from)})
        device_sets = await self._devices.read()
        # If any worker has a GPU, resolve for a GPU: that worker may well take the job.
        kind = "cuda" if any(device != "cpu" for devices in device_sets for device in devices) else "cpu"
        facts = await self._facts(spec.dataset)
        try:
            resolved, warnings = resolve(spec, facts, kind)
        except UnfitSpecError as error:
            raise InvalidRequestError(str(error), field_errors=error.errors) from error
        return resolved, [*warnings, *_device_warnings(spec.gpus, device_sets)]

    async def _facts(self, dataset: str) -> DatasetFacts:
        if dataset in BUILT_IN:
            return BUILT_IN[dataset]
        try:
            return (await self._datasets.get(dataset)).facts
        except DatasetNotFoundError:
            page = await self._datasets.list_datasets(limit=_LISTED_DATASETS)
            raise UnknownDatasetError([*BUILT_IN, *(known.facts.name for known in page.datasets)]) from None

    async def _model_id(self, ref: str) -> str:
        try:
            return (await self._models.resolve(ref)).manifest.id
        except (ModelNotFoundError, NoProductionError):
            raise UnknownInitModelError from None


def _device_warnings(gpus: int, device_sets: list[list[str]]) -> list[str]:
    most = max(map(len, device_sets), default=gpus)
    if gpus <= most:
        return []
    numbers = ",".join(map(str, range(gpus)))
    waits = (
        f"No worker has {gpus} devices, the largest has {most}: the job waits until a worker is started with"
    )
    return [f"{waits} `--devices {numbers}`; or post the job with gpus={most}."]
