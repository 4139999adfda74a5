"""What the routes work with, made once per process and ended with it; knows no route."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request

from api.auth.guard import Keys
from api.events.job_pages import EventPages
from api.feed.hub import BLOCK_MS, EventHub
from api.health.storage_probe import StorageProbe
from api.jobs.wake_up_throttle import Ringer
from api.predict.limits import UploadBudget, UploadLimits
from api.predictor.client import PredictorClient
from api.process.open_files import most_streams
from api.records.redis_client import connect_bounded
from api.records.storage_space import StorageRoom
from api.settings import ApiSettings, StartError, parse_keys
from model.storage.interface import Storage
from model.storage.opening import open_storage
from worker.queue.feed import Feed
from worker.queue.live_workers import AsyncLiveWorkers
from worker.queue.store import AsyncJobStore, JobStore
from worker.queue.wake_ups import WakeUpSender
from worker.redis_server.connection import connect, connect_async
from worker.registry.datasets import AsyncDatasetRegistry
from worker.registry.model_registry import AsyncModelRegistry
from worker.upkeep.reaper import Reaper

_PREDICTOR_SCHEME = "unix:"


@dataclass(frozen=True)
class Services:
    """One of each."""

    settings: ApiSettings
    keys: Keys
    store: AsyncJobStore
    datasets: AsyncDatasetRegistry
    models: AsyncModelRegistry
    presence: AsyncLiveWorkers
    storage: Storage
    storage_probe: StorageProbe
    storage_room: StorageRoom
    hub: EventHub
    event_pages: EventPages
    wake_up_sender: WakeUpSender
    ringer: Ringer
    predictor: PredictorClient
    upload_limits: UploadLimits
    upload_budget: UploadBudget


def services_of(request: Request) -> Services:
    """The services behind a request."""
    services: Services = request.app.state.services
    return services


def predictor_socket(settings: ApiSettings) -> Path:
    """Where the predictor listens: the one that we start, or the one that is given."""
    if not settings.predictor:
        return settings.runtime_dir / "predictor.sock"
    if not settings.predictor.startswith(_PREDICTOR_SCHEME):
        raise StartError("NINEFOLD_PREDICTOR must be unix: and the path of a socket.")
    return Path(settings.predictor.removeprefix(_PREDICTOR_SCHEME))


def make_services(settings: ApiSettings) -> Services:
    """Make them all; nothing connects yet."""
    wake_up_sender = WakeUpSender(settings.redis_url)
    client = connect_bounded(settings.redis_url)
    store = AsyncJobStore(client)
    storage = open_storage(settings.storage)
    return Services(
        settings=settings,
        keys=Keys(parse_keys(settings.api_keys.get_secret_value())),
        store=store,
        datasets=AsyncDatasetRegistry(client),
        models=AsyncModelRegistry(client),
        presence=AsyncLiveWorkers(client),
        storage=storage,
        storage_probe=StorageProbe(storage),
        storage_room=StorageRoom(storage, settings.min_free_bytes, settings.max_storage_bytes),
        hub=EventHub(Feed(connect_async(settings.redis_url, timeout_s=2 * BLOCK_MS / 1000)), most_streams()),
        event_pages=EventPages(store),
        wake_up_sender=wake_up_sender,
        ringer=Ringer(wake_up_sender.send),
        predictor=PredictorClient(predictor_socket(settings)),
        upload_limits=UploadLimits(image_bytes=settings.max_image_bytes, images=settings.max_images),
        upload_budget=UploadBudget(),
    )


@contextlib.asynccontextmanager
async def running(services: Services) -> AsyncIterator[None]:
    """Run what works in the background, for as long as the block does."""
    hub = asyncio.create_task(services.hub.run())
    is_stopped = threading.Event()
    reaper = _make_reaper(services)
    threading.Thread(target=reaper.run, args=(is_stopped,), name="reaper", daemon=True).start()
    try:
        yield
    finally:
        is_stopped.set()
        services.hub.close()
        hub.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await hub
        services.ringer.stop()
        await asyncio.to_thread(services.wake_up_sender.close)
        await services.predictor.close()
        await services.hub.disconnect()
        await services.store.redis.aclose()


def _make_reaper(services: Services) -> Reaper:
    store = JobStore(connect(services.settings.redis_url))
    return Reaper(store, services.settings.lease_s, services.wake_up_sender.send)
