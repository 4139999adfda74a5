"""Builds the objects that all requests of one API process share, and runs their background work."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping

import anyio.to_thread

from api.auth.keys import Keys
from api.datasets.archives import DatasetArchives
from api.datasets.contents.built_in import BuiltInDatasets
from api.datasets.contents.index_files import IndexFiles
from api.datasets.contents.label_errors import LabelErrorReader
from api.datasets.contents.reader import ContentsReader
from api.datasets.deletion import DatasetDeletion
from api.datasets.resumable.uploads import ResumableUploads
from api.datasets.sources import SourceImports
from api.datasets.submission import ImportSubmissions
from api.datasets.upload_places import UploadLimits as DatasetUploadLimits
from api.datasets.upload_places import UploadPlaces
from api.datasets.uploads import DatasetUploads
from api.datasets.versions import DatasetVersions
from api.events.item_history import ItemHistory
from api.feed.hub import BLOCK_MS, EventHub
from api.feed.waiting import ChangeWaiter
from api.health.cache_disk import CacheDisk
from api.health.readiness import ReadinessChecks
from api.health.storage_probe import StorageProbe
from api.jobs.extensions import Extensions
from api.jobs.reruns import Reruns
from api.jobs.spec_resolver import SpecResolver, WorkerDevices
from api.jobs.submission import Submissions
from api.jobs.training_states import TrainingStates
from api.metrics.metrics import ServiceMetrics
from api.metrics.present import PresentState
from api.models.bundle.bundles import Bundles
from api.models.bundle.derived import DerivedFiles
from api.models.comparison.reader import ComparisonReader
from api.models.evaluation.reader import EvaluationReader
from api.models.evaluation.runs import EvaluationRuns
from api.models.files import MAX_DOWNLOADS, Downloads
from api.models.imports.imports import ModelImports
from api.models.promotion import GatedPromotions
from api.models.review.labelled_zip import ZipStorage
from api.models.review.reviews import Reviews
from api.models.review.versions import ReviewVersions, Submitting
from api.predict.limits import UploadBudget, UploadLimits
from api.predict.predictions import Predictions
from api.predict.review.keeping import ReviewTraffic
from api.predict.shadow.sampling import ShadowTraffic
from api.predictions.batches import BatchLimits, BatchPredictions
from api.predictions.rows import RowReader
from api.predictor.client import PredictorClient
from api.process.open_files import max_event_streams
from api.records.datasets import DatasetCatalogue
from api.records.jobs import JobReader
from api.records.redis_client import connect_bounded
from api.records.storage_space import StorageSpace
from api.records.storages import Storages
from api.records.wake_up_throttle import WakeUpThrottle
from api.records.work_queue import WorkQueue
from api.settings import ApiSettings, parse_keys, parse_rules
from worker.queue.feed import Feed
from worker.queue.live_workers import AsyncLiveWorkers
from worker.queue.store import AsyncJobStore, JobStore
from worker.queue.wake_ups import WakeUpSender
from worker.redis_server.connection import connect, connect_async
from worker.registry.datasets import AsyncDatasetRegistry
from worker.registry.model_registry import AsyncModelRegistry
from worker.registry.shadow import KeptImages
from worker.upkeep.upkeep import start_upkeep


class SharedObjects:
    """The objects of one process; nothing connects to Redis or the predictor before `running` or a request."""

    def __init__(self, settings: ApiSettings) -> None:
        self._settings = settings
        self._redis = connect_bounded(settings.redis_url)
        self._storages = Storages(settings.storage)
        self._storage = self._storages.root
        self._indexes = IndexFiles(self._storages)
        self._space = StorageSpace(self._storages, settings.min_free_bytes, settings.max_storage_bytes)
        self._rules = parse_rules(settings)
        feed = Feed(connect_async(settings.redis_url, timeout_s=2 * BLOCK_MS / 1000))
        self._hub = EventHub(feed, max_event_streams())
        self._wake_ups = WakeUpSender(settings.redis_url)
        self._throttle = WakeUpThrottle(self._wake_ups.send)
        self._predictor = PredictorClient(settings.predictor_socket())
        self._shadow = ShadowTraffic(
            AsyncModelRegistry(self._redis),
            self._predictor,
            self._storages,
            fraction=settings.shadow_fraction,
            kept=KeptImages(
                settings.shadow_keep_images, settings.shadow_keep_bytes, settings.shadow_keep_days * 86_400
            ),
        )
        self._review = ReviewTraffic(
            AsyncModelRegistry(self._redis), self._storages, max_bytes=settings.review_max_bytes
        )
        self._metrics = ServiceMetrics()

    def by_type(self) -> Mapping[type, object]:
        """Return what routes may ask for with `from_app`."""
        store, live_workers = AsyncJobStore(self._redis), AsyncLiveWorkers(self._redis)
        datasets, models = AsyncDatasetRegistry(self._redis), AsyncModelRegistry(self._redis)
        waiter = ChangeWaiter(self._hub, self._settings.max_wait_s)
        work = WorkQueue(store, self._throttle, waiter)
        catalogue = DatasetCatalogue(store, datasets, waiter)
        resolver = SpecResolver(catalogue, datasets, models, WorkerDevices(live_workers))
        jobs = JobReader(store, self._storages)
        derived = DerivedFiles(self._storages, jobs)
        states = TrainingStates(self._storages)
        imports = ImportSubmissions(store, self._storages, self._throttle, self._settings.max_queued_imports)
        places = UploadPlaces(
            DatasetUploadLimits(self._settings.max_dataset_bytes, self._settings.max_uploads)
        )
        built_in = BuiltInDatasets(self._storages)
        uploads = DatasetUploads(imports, self._storages, self._space, places)
        submissions = Submissions(
            store,
            resolver,
            Reruns(jobs, catalogue, models, states),
            Extensions(jobs, catalogue, states),
            space=self._space,
            wake_ups=self._throttle,
            queue_limit=self._settings.max_queued_jobs,
        )
        reviews = Reviews(
            models, self._storages, self._settings.review_max_bytes, on_change=self._review.read_settings
        )
        return {
            ApiSettings: self._settings,
            PredictorClient: self._predictor,
            AsyncJobStore: store,
            AsyncLiveWorkers: live_workers,
            AsyncDatasetRegistry: datasets,
            AsyncModelRegistry: models,
            Storages: self._storages,
            Downloads: Downloads(self._storages, derived),
            Bundles: Bundles(self._storages, derived),
            ComparisonReader: ComparisonReader(self._storages),
            Reviews: reviews,
            ReviewVersions: ReviewVersions(
                models,
                store,
                catalogue,
                reviews=reviews,
                zips=ZipStorage(self._storages, self._space),
                submitting=Submitting(imports.submit, submissions.submit),
            ),
            GatedPromotions: GatedPromotions(models, self._storages),
            EvaluationReader: EvaluationReader(self._storages),
            EvaluationRuns: EvaluationRuns(
                work, catalogue, self._storages, queue_limit=self._settings.max_queued_evaluations
            ),
            ModelImports: ModelImports(work, self._storages, self._space, self._settings.max_model_bytes),
            BatchPredictions: BatchPredictions(
                work,
                models,
                catalogue,
                self._storages,
                self._space,
                limits=BatchLimits(self._settings.max_queued_predictions, self._settings.max_dataset_bytes),
                precision=self._settings.predict_precision,
            ),
            RowReader: RowReader(self._storages),
            DatasetCatalogue: catalogue,
            ContentsReader: ContentsReader(
                catalogue, self._storages, self._indexes, LabelErrorReader(models, self._storages), built_in
            ),
            StorageSpace: self._space,
            Keys: Keys(parse_keys(self._settings.api_keys.get_secret_value())),
            EventHub: self._hub,
            ChangeWaiter: waiter,
            ItemHistory: ItemHistory(store),
            JobReader: jobs,
            WakeUpThrottle: self._throttle,
            Submissions: submissions,
            ImportSubmissions: imports,
            SourceImports: SourceImports(imports, self._space, self._rules),
            DatasetUploads: uploads,
            ResumableUploads: ResumableUploads(
                catalogue, store, imports, self._storages, self._space, places=places
            ),
            DatasetVersions: DatasetVersions(catalogue, uploads),
            DatasetArchives: DatasetArchives(catalogue, self._storages, built_in),
            DatasetDeletion: DatasetDeletion(catalogue, datasets, store, self._storages),
            Predictions: self._predictions(models, store),
            ServiceMetrics: self._metrics,
            PresentState: PresentState(self._redis, live_workers, self._predictor),
            ReadinessChecks: ReadinessChecks(
                self._redis,
                StorageProbe(self._storage),
                self._space,
                StorageProbe(
                    CacheDisk(self._settings.cache_dir, self._settings.min_free_bytes),
                    "The cache (NINEFOLD_CACHE_DIR)",
                ),
                self._predictor,
            ),
        }

    def _predictions(self, models: AsyncModelRegistry, store: AsyncJobStore) -> Predictions:
        limits = UploadLimits(image_bytes=self._settings.max_image_bytes, images=self._settings.max_images)
        return Predictions(
            models,
            store,
            self._predictor,
            limits,
            UploadBudget(),
            shadow=self._shadow,
            review=self._review,
            on_answer=self._metrics.add_prediction,
        )

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the event hub and the upkeep while the block runs; afterwards close every connection."""
        # Every download may occupy one of these threads for ever; the pages of the dashboard need some, too.
        anyio.to_thread.current_default_thread_limiter().total_tokens += MAX_DOWNLOADS
        hub = asyncio.create_task(self._hub.run())
        shadow = asyncio.create_task(self._shadow.run())
        review = asyncio.create_task(self._review.run())
        upkeep_redis = connect(self._settings.redis_url)
        upkeep = start_upkeep(JobStore(upkeep_redis), self._storage, self._settings, self._wake_ups.send)
        try:
            yield
        finally:
            self._hub.close()
            for task in (hub, shadow, review):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            self._throttle.close()
            await asyncio.to_thread(upkeep.stop)
            upkeep_redis.close()
            await asyncio.to_thread(self._wake_ups.close)
            await asyncio.to_thread(self._indexes.close)
            await self._predictor.close()
            await self._hub.disconnect()
            await self._redis.aclose()
