"""From what a user posts to a job in the queue; knows no HTTP but the refusal of an unknown dataset."""

import hashlib
import time

from starlette.requests import Request

from api.http.errors import InvalidRequestError
from api.jobs.errors import UnknownDatasetError, UnknownInitModelError
from api.services import Services
from model.data.built_in import BUILT_IN
from model.errors import UnfitSpecError
from model.host.failpoints import Failpoint, reach
from model.recipes.defaults import resolve
from model.spec import DatasetFacts, JobSpec, ResolvedSpec
from worker.errors import DatasetNotFoundError, ModelNotFoundError, NoProductionError
from worker.queue.requests import Idempotency, NewJob, Submitted

_LISTED = 20
_DEVICES_KNOWN_S = 5.0


class Submissions:
    """Resolves and submits jobs; remembers for a moment what the workers have."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._device_sets: list[list[str]] = []
        self._devices_known_until = 0.0

    async def resolve(self, spec: JobSpec) -> tuple[ResolvedSpec, list[str]]:
        """What would really run, and what its owner should know.

        Raises:
            UnknownDatasetError: there is no such dataset.
            UnknownInitModelError: there is no such model to start from.
            InvalidRequestError: its batches cannot be shared by so many devices.
        """
        if spec.init_from:
            spec = spec.model_copy(update={"init_from": await self._model_id(spec.init_from)})
        device_sets = await self._known_device_sets()
        # A GPU, where there is one, may well take the job.
        kind = "cuda" if any(device != "cpu" for devices in device_sets for device in devices) else "cpu"
        try:
            resolved, warnings = resolve(spec, await self._facts(spec.dataset), kind)
        except UnfitSpecError as error:
            raise InvalidRequestError(str(error), field_errors=error.errors) from error
        return resolved, [*warnings, *_about_devices(spec.gpus, device_sets)]

    async def submit(self, spec: JobSpec, caller: str, idempotency_key: str | None) -> Submitted:
        """Put a job in the queue, then ring.

        Raises:
            StorageFullError: there would be no room for its checkpoints and model.
        """
        idempotency = Idempotency(idempotency_key, _hash(spec)) if idempotency_key else None
        if idempotency and (known := await self._services.store.replay(caller, idempotency)):
            return known
        await self._services.storage_room.require()
        resolved, warnings = await self.resolve(spec)
        reach(Failpoint.SUBMIT_RESOLVED)
        submitted = await self._services.store.submit(NewJob(resolved, caller, tuple(warnings)), idempotency)
        reach(Failpoint.SUBMIT_RECORDED)
        if not submitted.is_replay:
            self._services.ringer.ring_soon()
            reach(Failpoint.SUBMIT_WAKE_UP_SENT)
        return submitted

    async def _facts(self, dataset: str) -> DatasetFacts:
        if dataset in BUILT_IN:
            return BUILT_IN[dataset]
        try:
            return (await self._services.datasets.get(dataset)).facts
        except DatasetNotFoundError:
            page = await self._services.datasets.list_datasets(limit=_LISTED)
            raise UnknownDatasetError([*BUILT_IN, *(known.facts.name for known in page.datasets)]) from None

    async def _model_id(self, ref: str) -> str:
        try:
            return (await self._services.models.resolve(ref)).manifest.id
        except (ModelNotFoundError, NoProductionError):
            raise UnknownInitModelError from None

    async def _known_device_sets(self) -> list[list[str]]:
        """The devices of each worker."""
        if time.monotonic() > self._devices_known_until:
            workers = await self._services.presence.list_workers()
            self._device_sets = [worker.devices for worker in workers]
            self._devices_known_until = time.monotonic() + _DEVICES_KNOWN_S
        return self._device_sets


def submissions_of(request: Request) -> Submissions:
    """The app's own."""
    submissions: Submissions = request.app.state.submissions
    return submissions


def _about_devices(gpus: int, device_sets: list[list[str]]) -> list[str]:
    most = max(map(len, device_sets), default=gpus)
    if gpus <= most:
        return []
    numbers = ",".join(map(str, range(gpus)))
    waits = f"No worker has {gpus} devices, the most is {most}: the job waits until one is started with"
    return [f"{waits} `--devices {numbers}`; or post it with gpus={most}."]


def _hash(spec: JobSpec) -> str:
    return hashlib.sha256(spec.model_dump_json().encode()).hexdigest()
