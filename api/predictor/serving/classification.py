"""Answers one prediction request: admission, model, decoding, batch, scores. Knows no socket and no torch."""

import asyncio
import time
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from api.predictor.decoding.children import DecodingChildren
from api.predictor.decoding.limits import SMALL_FILE_BYTES
from api.predictor.decoding.preparation import LargeImage
from api.predictor.errors import PredictionError, deadline_exceeded
from api.predictor.protocol.image_data import ImageData
from api.predictor.protocol.messages import Answer, ItemAnswer, ItemError, Open, Score, Timings
from api.predictor.serving.admission import Admission
from api.predictor.serving.batcher import Batcher, Classified, Network, Turns
from api.predictor.serving.explanation import Explainable, Explanations, SeenImage
from api.predictor.serving.model_cache import ModelCache
from api.predictor.serving.speeds import Kind, Queue
from model.errors import ImageError
from model.evaluation.best_classes import best_classes
from model.evaluation.views import label_set, mirrored, scores_of_views


class ServedModel(Network, Explainable, Protocol):
    """A model in memory: prepares images, computes scores, names the classes and explains its answers."""

    @property
    def precision(self) -> str:
        """The numbers that the model computes with."""
        ...

    @property
    def epoch(self) -> int | None:
        """The epoch of a checkpoint; None for a published model."""
        ...

    @property
    def size_bytes(self) -> int:
        """Memory of the model."""
        ...

    def least_probability(self, coverage: float, /) -> float:
        """Return the probability from which on a class is in a set; may read a file; raises `PredictionError`."""
        ...

    def prepare(self, image: ImageData) -> np.ndarray | LargeImage:
        """Return an image as HWC, uint8, with the preprocessing of training, or a large one undecoded.

        Raises:
            ImageError: the bytes are no image that can be decoded.
        """
        ...


class ImageQueue:
    """The images of one request that have arrived and that no task has taken yet."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[tuple[int, ImageData]] = asyncio.Queue()

    def put(self, index: int, image: ImageData) -> None:
        """Add the image at position `index` of the request."""
        self._queue.put_nowait((index, image))

    async def get(self) -> tuple[int, ImageData]:
        """Wait for an image; return its position in the request, and the image."""
        return await self._queue.get()


class Decoders:
    """The threads that decode small images, and the processes that decode the others."""

    def __init__(self, executor: Executor, threads: int, children: DecodingChildren) -> None:
        self.threads = threads
        self._executor = executor
        self._children = children

    async def prepare(self, model: ServedModel, image: ImageData) -> tuple[np.ndarray, float]:
        """Return the decoded image and the seconds that decoding took."""
        prepared, seconds = await asyncio.get_running_loop().run_in_executor(
            self._executor, _prepare, model, image
        )
        if isinstance(prepared, LargeImage):
            return await self._children.prepare(prepared)
        return prepared, seconds


@dataclass(frozen=True)
class _ImageResult:
    index: int
    answer: ItemAnswer
    seen: SeenImage | None = None
    """If the answer shall be explained."""
    queued_s: float = 0.0
    decode_s: float = 0.0
    infer_s: float = 0.0


@dataclass(frozen=True, eq=False)
class _RequestShare:
    """What one request may take."""

    decoding_slots: asyncio.Semaphore
    turns: Turns = field(default_factory=Turns)


class RequestClassifier:
    """Classifies the images of requests, each request under its deadline."""

    def __init__(
        self,
        models: ModelCache[ServedModel],
        batcher: Batcher,
        admission: Admission,
        decoders: Decoders,
        explanations: Explanations,
    ) -> None:
        self._models = models
        self._batcher = batcher
        self._admission = admission
        self._decoders = decoders
        self._explanations = explanations

    @property
    def is_idle(self) -> bool:
        """Whether a background request would be admitted."""
        return self._admission.is_idle

    async def answer(self, request: Open, images: ImageQueue) -> tuple[Answer, list[ItemAnswer]]:
        """Return the timings, and the scores or error of each image in the order of the request.

        Raises:
            PredictionError: the request failed as a whole.
        """
        with self._admit(request):
            try:
                async with asyncio.timeout(request.deadline_s), self._models.use(request.model) as model:
                    precision, epoch = model.precision, model.epoch
                    least = await _least_probability(model, request.coverage)
                    results = await self._classify_all(model, request, images, least)
                    answers = await self._answers(model, request, results)
            except TimeoutError as error:
                raise deadline_exceeded(request.deadline_s) from error
        timings = _slowest(results)
        answer = Answer(request_id=request.request_id, timings_ms=timings, precision=precision, epoch=epoch)
        return answer, answers

    def _admit(self, request: Open) -> AbstractContextManager[None]:
        if request.is_background:
            return self._admission.admit_background()
        return self._admission.admit(
            _queue(request),
            _views(request) * request.image_count,
            request.total_bytes,
            deadline_s=request.deadline_s,
        )

    async def _answers(
        self, model: ServedModel, request: Open, results: list[_ImageResult]
    ) -> list[ItemAnswer]:
        """Return the answers in the order of the request, explained where that was asked for."""
        answers = {result.index: result.answer for result in results}
        seen = {result.index: result.seen for result in results if result.seen}
        if seen:
            explained, image_s = await self._explanations.explain(model, list(seen.values()))
            self._admission.speeds.add_image(_queue(request), image_s, 0.0)
            for index, explanation in zip(seen, explained, strict=True):
                answers[index] = answers[index].model_copy(update={"explanation": explanation})
        return [answers[index] for index in sorted(answers)]

    async def _classify_all(
        self, model: ServedModel, request: Open, images: ImageQueue, least_probability: float | None
    ) -> list[_ImageResult]:
        # One request decodes at most one image per thread at a time: it must not fill the queue of the decoders,
        # where the images of other requests wait too.
        share = _RequestShare(asyncio.Semaphore(self._decoders.threads))
        tasks: list[asyncio.Task[_ImageResult]] = []
        try:
            async with (
                asyncio.TaskGroup() as group
            ):  # an unexpected error in one task cancels the other tasks
                for _ in range(request.image_count):
                    image = self._classify_next(model, request, images, share, least_probability)
                    tasks.append(group.create_task(image))
        except* Exception as failures:
            raise failures.exceptions[0] from failures
        return [task.result() for task in tasks]

    async def _classify_next(
        self,
        model: ServedModel,
        request: Open,
        images: ImageQueue,
        share: _RequestShare,
        least_probability: float | None,
    ) -> _ImageResult:
        index, sent = await images.get()
        arrived = time.monotonic()
        try:
            async with share.decoding_slots:
                image, decode_s = await self._decoders.prepare(model, sent)
            classify = self._classify_mirrored if request.tta else self._batcher.classify
            classified = await classify(model, image, share.turns.take())
        except (ImageError, PredictionError) as error:
            return _ImageResult(index, ItemAnswer(error=ItemError(code=error.code, message=str(error))))
        if not request.explain:
            decoding_s = decode_s / self._decoders.threads / _views(request)
            self._admission.speeds.add_image(_queue(request), decoding_s, classified.share_s)
        passed_s = time.monotonic() - arrived
        queued_s = max(0.0, passed_s - decode_s - classified.infer_s)
        best = best_classes(classified.scores, request.top_k)
        labels = (
            None
            if least_probability is None
            else label_set(classified.scores, model.classes, least_probability)
        )
        scores = [Score(label=model.classes[k], score=score) for k, score in best]
        answer = ItemAnswer(scores=scores, label_set=labels)
        seen = SeenImage(image, int(classified.scores.argmax())) if request.explain else None
        return _ImageResult(index, answer, seen, queued_s, decode_s, classified.infer_s)

    async def _classify_mirrored(self, model: ServedModel, image: np.ndarray, turn: float) -> Classified:
        """Return the scores of an image and its mirror image together. Both wait for the same batch."""
        views = [self._batcher.classify(model, view, turn) for view in (image, mirrored(image))]
        first, second = await asyncio.gather(*views)
        slower = max(first, second, key=lambda view: view.queued_s + view.infer_s)
        return replace(slower, scores=scores_of_views(np.stack([first.scores, second.scores])))


def _queue(request: Open) -> Queue:
    """Return the queue in which a request waits: explanations of all models wait for one thread."""
    if request.explain:
        return Queue("", Kind.EXPLAINED)
    is_large = request.total_bytes > SMALL_FILE_BYTES * request.image_count
    return Queue(request.model, Kind.LARGE if is_large else Kind.SMALL)


def _views(request: Open) -> int:
    """Return how many images the network sees for each image of a request."""
    return 2 if request.tta else 1


async def _least_probability(model: ServedModel, coverage: float | None) -> float | None:
    return None if coverage is None else await asyncio.to_thread(model.least_probability, coverage)


def _prepare(model: ServedModel, image: ImageData) -> tuple[np.ndarray | LargeImage, float]:
    started = time.monotonic()
    return model.prepare(image), time.monotonic() - started


def _slowest(results: list[_ImageResult]) -> Timings:
    def longest_ms(durations_s: list[float]) -> float:
        return round(1000 * max(durations_s), 2)

    return Timings(
        queue=longest_ms([result.queued_s for result in results]),
        decode=longest_ms([result.decode_s for result in results]),
        infer=longest_ms([result.infer_s for result in results]),
    )
