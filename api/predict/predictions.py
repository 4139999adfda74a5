"""Classifies uploaded images: finds the model, calls the predictor, builds the response. Knows no HTTP status."""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

from starlette.requests import Request

from api.http.disconnect import while_connected
from api.predict.body import ImageBody, UploadedImage
from api.predict.errors import (
    CheckpointLimitError,
    EmptyUploadError,
    FileTooLargeError,
    NoImageClassifiedError,
)
from api.predict.job_models import (
    Answering,
    JobCheckpoint,
    describe,
    find_job_model,
    is_job,
    predictor_address,
    spec_of,
)
from api.predict.limits import UploadBudget, UploadLimits
from api.predict.model_lookups import ModelLookups
from api.predict.refusals import Queue, RecentRefusals
from api.predict.review.keeping import ReviewTraffic
from api.predict.schemas import ClassifiedImage, FailedImage, Prediction, PredictionTimings
from api.predict.shadow.sampling import ShadowTraffic
from api.predict.uploads import body_of, uploaded_images
from api.predictor.client import Predicted, PredictorClient
from api.predictor.decoding.limits import SMALL_FILE_BYTES
from api.predictor.protocol.image_data import ImageData
from api.predictor.protocol.messages import ItemAnswer, ItemError
from model.artifact.answers import abstains, check_views
from worker.queue.store import AsyncJobStore
from worker.redis_server.projects import DEFAULT_PROJECT, model_address
from worker.registry.model_registry import AsyncModelRegistry
from worker.registry.models import RegisteredModel


@dataclass(frozen=True)
class AnswerOptions:
    """What the answer for each image shall have."""

    top_k: int
    """Number of classes, highest score first."""
    tta: bool = False
    """Whether the scores shall be those of each image and its mirror image together."""
    coverage: float | None = None
    """Share of the images whose set of labels shall have their label; `None`: without sets."""
    explain: bool = False
    """Whether to say where in the image the evidence for the label lies."""
    min_score: float | None = None
    """An answer whose best score is below it abstains; `None`: below the least score of its class at the alias."""
    deadline_s: float | None = None
    """The request fails after this time; `None` for the limit of the service."""


class Predictions:
    """Answers prediction requests."""

    def __init__(
        self,
        registry: AsyncModelRegistry,
        jobs: AsyncJobStore,
        predictor: PredictorClient,
        limits: UploadLimits,
        budget: UploadBudget,
        *,
        shadow: ShadowTraffic,
        review: ReviewTraffic,
        on_answer: Callable[[Prediction], object],
        deadline_s: float = 30.0,
    ) -> None:
        self._registry = registry
        self._models = ModelLookups(registry)
        self._jobs = jobs
        self._predictor = predictor
        self.limits = limits
        self._budget = budget
        self._shadow = shadow
        self._review = review
        self._on_answer = on_answer
        self._deadline_s = deadline_s
        self._refusals = RecentRefusals()

    async def predict(
        self, request: Request, ref: str | None, options: AnswerOptions, project: str
    ) -> Prediction:
        """Read the images of `request` and classify them with the model `ref`.

        Args:
            request: its body is one image or a multipart form of images.
            ref: a model id, a name, `name:version`, `name@alias` or a job; `None` for the only model in production.
            options: what each answer shall have.
            project: the project of the caller.

        Raises:
            PredictionRefusedError: the job has no checkpoint, or no image could be classified.
            worker.errors.WorkerError: one of those of `find`.
            UploadError: the body breaks a limit or is malformed.
            api.predictor.errors.PredictionError: the request failed as a whole in the predictor.
            starlette.requests.ClientDisconnect: the client closed the connection.
        """
        started_s = time.monotonic()
        queue = (project, ref, int(request.headers.get("content-length", 0)) > SMALL_FILE_BYTES)
        if not options.explain:
            self._refusals.check(queue)
        found = await self.find(ref, project)
        limits = self.limits.for_explanations() if options.explain else self.limits
        async with self.uploaded(request, body_of(request, limits)) as images:
            with self._remembered_refusal(queue, images, options):
                return await self.classify(
                    request, found, images, options, project=project, started_s=started_s
                )

    def _remembered_refusal(
        self, queue: Queue, images: Sequence[UploadedImage], options: AnswerOptions
    ) -> AbstractContextManager[None]:
        is_smallest = len(images) == 1 and not (options.explain or options.tta or options.deadline_s)
        return self._refusals.remembered(queue) if is_smallest else nullcontext()

    async def find(self, ref: str | None, project: str) -> Answering:
        """Return what answers for a reference, or the only model in production.

        Raises:
            NoModelError, ModelRequiredError: there is no reference, and not exactly one model in production.
            NoProductionError: the reference is a name that has no model in production.
            worker.errors.ModelNotFoundError: no model has this reference.
            worker.errors.JobNotFoundError: there is no such job.
            PredictionRefusedError: the job has no checkpoint.
        """
        answering = await find_job_model(self._jobs, ref, project) if ref and is_job(ref) else ref
        if isinstance(answering, JobCheckpoint):
            return answering
        return await self._models.find(answering, project)

    async def is_ready(self) -> bool:
        """Return whether the predictor runs; raises redis.RedisError if Redis does not answer."""
        await self._registry.production_names(DEFAULT_PROJECT)
        return await self._predictor.is_ready()

    def uploaded(self, request: Request, body: ImageBody) -> AbstractAsyncContextManager[list[UploadedImage]]:
        """Read the body of a request, and provide its images; raises UploadError."""
        return uploaded_images(request, body, self.limits, self._budget)

    async def classify(
        self,
        request: Request,
        found: Answering,
        images: Sequence[UploadedImage],
        options: AnswerOptions,
        *,
        project: str,
        started_s: float,
    ) -> Prediction:
        """Classify images that were read; raises the same errors as `predict`.

        Args:
            request: from which the images come: when its client leaves, they are not classified.
            found: what answers.
            images: at least one.
            options: what each answer shall have.
            project: of the model.
            started_s: when the request began, for the timings.
        """
        _check(options, found)
        address = model_address(predictor_address(found), project)
        predicted = await while_connected(request, self._classify(address, images, options))
        if isinstance(found, RegisteredModel):
            self._offer(found, project, images, predicted, options)
        prediction = Prediction(
            model=describe(found, predicted),
            predictions=[
                _item(index, image.filename, answer, found, options)
                for index, (image, answer) in enumerate(zip(images, predicted.items, strict=True))
            ],
            timings_ms=PredictionTimings(**predicted.timings_ms.model_dump(), total=_ms_since(started_s)),
        )
        self._on_answer(prediction)
        return prediction

    def _offer(
        self,
        found: RegisteredModel,
        project: str,
        images: Sequence[UploadedImage],
        predicted: Predicted,
        options: AnswerOptions,
    ) -> None:
        """Let shadow and review see what a published model answered."""
        if not (options.explain or options.tta):
            self._shadow.offer(found, project, images, predicted.items)
        if not options.explain:
            self._review.offer(found, project, images, predicted.items)

    async def _classify(
        self, model: str, images: Sequence[UploadedImage], options: AnswerOptions
    ) -> Predicted:
        """Return the answers to all images; raises NoImageClassifiedError if each of them is an error."""
        answers = {index: error for index, image in enumerate(images) if (error := self._upload_error(image))}
        valid = {
            index: ImageData(image.data, image.height_width)
            for index, image in enumerate(images)
            if index not in answers and image.data
        }
        predicted = None
        if valid:
            predicted = await self._predictor.predict(
                model,
                list(valid.values()),
                top_k=options.top_k,
                deadline_s=min(options.deadline_s or self._deadline_s, self._deadline_s),
                tta=options.tta,
                coverage=options.coverage,
                explain=options.explain,
            )
            answers |= dict(zip(valid, predicted.items, strict=True))
        in_order = [answers[index] for index in range(len(images))]
        failed = [answer.error for answer in in_order if answer.error]
        if predicted is None or len(failed) == len(images):
            raise NoImageClassifiedError(failed)
        return replace(predicted, items=in_order)

    def _upload_error(self, image: UploadedImage) -> ItemAnswer | None:
        """Return the answer to an image that is too large or empty, else `None`."""
        if image.data is None:
            return _failed(FileTooLargeError.code, str(FileTooLargeError(self.limits.image_bytes)))
        if not image.data:
            return _failed(EmptyUploadError.code, "The file is empty: 0 bytes.")
        return None


def _check(options: AnswerOptions, found: Answering) -> None:
    """Raise PredictionRefusedError if a model or checkpoint cannot give what is asked for."""
    if isinstance(found, JobCheckpoint) and (options.explain or options.coverage is not None):
        raise CheckpointLimitError("explain=true" if options.explain else "coverage")
    check_views(spec_of(found), tta=options.tta, coverage=options.coverage)


def _failed(code: str, message: str) -> ItemAnswer:
    return ItemAnswer(error=ItemError(code=code, message=message))


def _item(
    index: int,
    filename: str | None,
    answer: ItemAnswer,
    found: Answering,
    options: AnswerOptions,
) -> ClassifiedImage | FailedImage:
    if answer.error is not None:
        return FailedImage(index=index, filename=filename, error=answer.error)
    best = answer.scores[0]
    return ClassifiedImage(
        index=index,
        filename=filename,
        label=best.label,
        score=best.score,
        abstained=abstains(best.label, best.score, options.min_score, found.min_scores),
        scores=answer.scores,
        label_set=answer.label_set,
        explanation=answer.explanation,
    )


def _ms_since(started: float) -> float:
    return round(1000 * (time.monotonic() - started), 2)
