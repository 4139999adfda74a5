"""Queues, finds, cancels and deletes batch predictions. Knows no HTTP status and opens no zip."""

from dataclasses import dataclass

from starlette.requests import Request

from api.http.bodies import content_type
from api.http.callers import Principal
from api.http.errors import BodyTooLargeError, UnsupportedMediaTypeError
from api.http.places import Places
from api.predictions.errors import PredictionNotFoundError, PredictionUploadsBusyError
from api.records.datasets import DatasetCatalogue, find_built_in
from api.records.storage_space import StorageSpace
from api.records.storages import Storages
from api.records.stored_zip import ZIP_TYPES, store_zip, zip_chunks
from api.records.undoing import undone_if_refused
from api.records.work_queue import WorkQueue
from model.artifact.answers import check_views
from model.artifact.manifest import Manifest
from model.artifact.precision import PrecisionSetting, cpu_precision
from model.batch_prediction.options import PredictionOptions
from model.batch_prediction.rows import folder_of
from model.host.failpoints import Failpoint, reach
from model.storage.interface import Storage
from worker.queue.calls.batch_predictions import NewPrediction, PredictedDataset, PredictedZip
from worker.queue.ids import PREDICTION_PREFIX, new_prediction_id, upload_key
from worker.queue.records import BatchPrediction, EvaluatedSplit
from worker.registry.model_registry import AsyncModelRegistry

HINT = "Send a zip of images (curl --data-binary @photos.zip), or a JSON object that names a dataset."
_MAX_UPLOADS = 4
_TIMEOUT_S = 3600.0
_DELETE_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Asked:
    """What every request for a batch prediction says."""

    manifest: Manifest
    """Of the model."""
    options: PredictionOptions
    caller: Principal
    idempotency_key: str | None


@dataclass(frozen=True)
class BatchLimits:
    """What one API process accepts."""

    queued: int
    """Items of the lane."""
    zip_bytes: int


class BatchPredictions:
    """The batch predictions that users ask for."""

    def __init__(
        self,
        queue: WorkQueue,
        models: AsyncModelRegistry,
        datasets: DatasetCatalogue,
        storages: Storages,
        space: StorageSpace,
        *,
        limits: BatchLimits,
        precision: PrecisionSetting,
    ) -> None:
        self._queue = queue
        self._models = models
        self._datasets = datasets
        self._storages = storages
        self._space = space
        self._limits = limits
        self._precision = precision
        self._places = Places(_MAX_UPLOADS, PredictionUploadsBusyError)

    async def ask(
        self, ref: str, options: PredictionOptions, caller: Principal, idempotency_key: str | None
    ) -> Asked:
        """Find the model of a reference, and check that it can give what is asked for.

        Raises:
            ModelNotFoundError: no model has this reference.
            CoverageOfMirrorsError: sets of labels are asked for with mirror images.
            MirrorsDifferError: the model was trained without mirror images.
            TooFewHeldOutImagesError: the model has too few validation images for the coverage.
        """
        found = await self._models.resolve(ref, caller.project)
        manifest = found.manifest
        check_views(manifest.spec, tta=options.tta, coverage=options.coverage)
        if options.coverage is not None:
            await self._storages.run(
                self._check_coverage, self._storages.of(caller.project), manifest, options.coverage
            )
        known = {"version": manifest.version, "alias": found.alias, "min_scores": found.min_scores}
        return Asked(manifest, options.model_copy(update=known), caller, idempotency_key)

    def _check_coverage(self, storage: Storage, manifest: Manifest, coverage: float) -> None:
        from model.artifact.held_out import read_held_out  # noqa: PLC0415 - the API starts without numpy

        precision = cpu_precision(manifest, self._precision)
        read_held_out(storage, manifest).least_probability(precision, coverage)

    async def submit_dataset(self, asked: Asked, dataset: str, split: EvaluatedSplit) -> BatchPrediction:
        """Queue the classification of a dataset's split; a repeated idempotency key returns the first one.

        Raises:
            DatasetNotFoundError: there is no such dataset.
            DatasetNotReadyError: the dataset is being imported.
            DatasetNotMadeError: its import was rejected or cancelled.
            StorageFullError: storage has too little room.
            ModelNotFoundError: the model was deleted during the request.
            QueueFullError: too much work is queued.
        """
        await self._space.require()
        built_in = find_built_in(dataset)
        facts = built_in or (await self._datasets.look_up_ready(dataset, asked.caller.project)).facts
        images = PredictedDataset(id=facts.id, is_uploaded=built_in is None, split=split)
        return await self._submit(asked, new_prediction_id(), images)

    async def receive_zip(self, request: Request, asked: Asked) -> BatchPrediction:
        """Read a zip from the request into storage and queue the classification of its images.

        It no longer depends on the client once this returns. A body that is cut short leaves nothing.

        Raises:
            ApiError: the body is not a zip, too large or too slow, or too many zips are being uploaded.
            StorageFullError: storage has too little room.
            StorageHangsError: storage does not answer.
            ModelNotFoundError: the model was deleted during the request.
            IdempotencyMismatchError: the key was used with another request.
            QueueFullError: too much work is queued.
            ClientDisconnect: the client disconnected before the body was complete.
        """
        await self._space.require()
        if content_type(request) not in ZIP_TYPES:
            raise UnsupportedMediaTypeError(HINT)
        most = self._limits.zip_bytes
        too_large = BodyTooLargeError(
            f"A zip may have {most} bytes at most: send several, or raise NINEFOLD_MAX_DATASET_BYTES."
        )
        prediction_id, project = new_prediction_id(), asked.caller.project
        key = upload_key(prediction_id)
        with self._places.one():
            chunks = zip_chunks(request, most, _TIMEOUT_S, hint=HINT, too_large=too_large)
            stored = await store_zip(self._storages, self._storages.of(project), key, chunks)
        images = PredictedZip(key=key, size_bytes=stored.size_bytes, sha256=stored.sha256)
        async with undone_if_refused(lambda: self._delete(key, project)):
            found = await self._submit(asked, prediction_id, images)
        if found.id != prediction_id:
            await self._delete(key, project)
        return found

    async def _submit(
        self, asked: Asked, prediction_id: str, images: PredictedDataset | PredictedZip
    ) -> BatchPrediction:
        new = NewPrediction(
            prediction_id=prediction_id,
            model=asked.manifest.id,
            model_name=asked.manifest.name,
            images=images,
            options=asked.options,
            precision=self._precision,
            created_by=asked.caller.name,
            project=asked.caller.project,
        )
        reach(Failpoint.SUBMIT_RESOLVED)
        submitted = await self._queue.store.submit_prediction(
            new, asked.idempotency_key, queue_limit=self._limits.queued
        )
        reach(Failpoint.SUBMIT_RECORDED)
        if not submitted.is_replay:
            self._queue.wake_worker()
            reach(Failpoint.SUBMIT_WAKE_UP_SENT)
        return submitted.prediction

    async def find(self, prediction_id: str, project: str, wait_s: float = 0) -> BatchPrediction:
        """Return a batch prediction; with `wait_s`, once it has ended, or after this time.

        Raises:
            PredictionNotFoundError: there is none with this id.
        """
        if not prediction_id.startswith(PREDICTION_PREFIX):
            raise PredictionNotFoundError
        return await self._queue.find(
            prediction_id,
            lambda: self._queue.store.get_prediction(prediction_id, project),
            unknown=PredictionNotFoundError,
            wait_s=wait_s,
        )

    async def page(self, model_id: str | None, project: str, limit: int, after: str) -> list[BatchPrediction]:
        """Return the batch predictions that follow `after`, newest first: of a model, or all."""
        store = self._queue.store
        return list(await store.list_predictions(model_id, limit=limit, after=after, project=project))

    async def cancel_or_delete(self, prediction_id: str, project: str) -> BatchPrediction | None:
        """Cancel a batch prediction that has not ended; delete one that has, with its rows, and return None.

        Raises:
            PredictionNotFoundError: there is none with this id.
        """
        found = await self.find(prediction_id, project)
        cancelled = await self._queue.cancel(found, project)
        if cancelled is None or cancelled.is_finished:  # no attempt will delete the files
            await self._delete(folder_of(prediction_id), project)
            await self._delete(upload_key(prediction_id), project)
        if cancelled is None:
            await self._queue.forget(prediction_id, project)
        return cancelled

    async def _delete(self, key: str, project: str) -> None:
        await self._storages.run_within(_DELETE_TIMEOUT_S, self._storages.of(project).delete, key)
