"""Classifies the images of one request: admission, model, decoding, batch, answer; knows no socket and no torch."""

import asyncio
import time
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from api.predictor.errors import DeadlineExceededError, PredictionError
from api.predictor.protocol.channel import Answer, ItemAnswer, ItemError, Open, Score, Timings
from api.predictor.serving.admission import Admission
from api.predictor.serving.batcher import Batcher, Network
from api.predictor.serving.model_cache import ModelCache
from model.errors import ImageError

_SCORE_DIGITS = 6


class ServedModel(Network, Protocol):
    """A model in memory, with all that it takes to get from a file's bytes to labels."""

    @property
    def classes(self) -> list[str]:
        """Labels, in the order of the scores."""
        ...

    @property
    def size_bytes(self) -> int:
        """Memory that it holds."""
        ...

    def decode(self, data: bytes) -> np.ndarray:
        """The image HWC in uint8, as training saw its own; raises `model.errors.ImageError`."""
        ...


class Inbox:
    """The images of one request, as they come in."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[tuple[int, bytes]] = asyncio.Queue()

    def put(self, index: int, data: bytes) -> None:
        """Takes one image."""
        self._queue.put_nowait((index, data))

    async def next(self) -> tuple[int, bytes]:
        """The next one: its index in the request, its bytes."""
        return await self._queue.get()


@dataclass(frozen=True)
class _Outcome:
    index: int
    answer: ItemAnswer
    queued_s: float = 0.0
    decode_s: float = 0.0
    infer_s: float = 0.0


class PredictionService:
    """What the predictor does, apart from sockets."""

    def __init__(
        self,
        models: ModelCache[ServedModel],
        batcher: Batcher,
        admission: Admission,
        decoders: ThreadPoolExecutor,
    ) -> None:
        self._models = models
        self._batcher = batcher
        self._admission = admission
        self._decoders = decoders

    async def answer(self, request: Open, inbox: Inbox) -> tuple[Answer, list[ItemAnswer]]:
        """Every image's scores or error, in the request's order; raises `PredictionError` if all of it fails."""
        with self._admission.admit(request.model_id, request.images, request.total_bytes):
            try:
                async with asyncio.timeout(request.deadline_s), self._models.use(request.model_id) as model:
                    outcomes = await self._classify(model, request, inbox)
            except TimeoutError as error:
                raise DeadlineExceededError(
                    f"No answer within {request.deadline_s:g} s; try again, with fewer images.",
                    retry_after_s=1,
                ) from error
        outcomes.sort(key=lambda outcome: outcome.index)
        return Answer(request=request.request, timings_ms=_slowest(outcomes)), [o.answer for o in outcomes]

    async def _classify(self, model: ServedModel, request: Open, inbox: Inbox) -> list[_Outcome]:
        # No request may fill the decoders' queue: the next one's image waits behind a few of ours at most.
        turns = asyncio.Semaphore(self._decoders._max_workers)
        key = object()
        tasks: list[asyncio.Task[_Outcome]] = []
        try:
            async with asyncio.TaskGroup() as group:  # one that fails unexpectedly ends the others with it
                for _ in range(request.images):
                    image = self._classify_next(model, request.top_k, inbox, turns, key)
                    tasks.append(group.create_task(image))
        except* Exception as failures:
            raise failures.exceptions[0] from failures
        return [task.result() for task in tasks]

    async def _classify_next(
        self, model: ServedModel, top_k: int, inbox: Inbox, turns: asyncio.Semaphore, key: object
    ) -> _Outcome:
        index, data = await inbox.next()
        arrived = time.monotonic()
        decode_s = 0.0
        try:
            async with turns:
                image, decode_s = await _in_thread(self._decoders, model, data)
            classified = await self._batcher.classify(model, image, request=key)
        except (ImageError, PredictionError) as error:
            return _Outcome(index, ItemAnswer(error=ItemError(code=error.code, message=str(error))))
        passed_s = time.monotonic() - arrived
        queued_s = max(0.0, passed_s - decode_s - classified.infer_s)
        scores = best_scores(classified.scores, model.classes, top_k)
        return _Outcome(index, ItemAnswer(scores=scores), queued_s, decode_s, classified.infer_s)


async def _in_thread(decoders: Executor, model: ServedModel, data: bytes) -> tuple[np.ndarray, float]:
    return await asyncio.get_running_loop().run_in_executor(decoders, _decode, model, data)


def _decode(model: ServedModel, data: bytes) -> tuple[np.ndarray, float]:
    started = time.monotonic()
    return model.decode(data), time.monotonic() - started


def best_scores(scores: np.ndarray, classes: list[str], top_k: int) -> list[Score]:
    """The `top_k` best classes, best first; ties go to the earlier class."""
    best = np.argsort(-scores, kind="stable")[:top_k]
    return [Score(label=classes[k], score=round(float(scores[k]), _SCORE_DIGITS)) for k in best]


def _slowest(outcomes: list[_Outcome]) -> Timings:
    def worst_ms(durations_s: list[float]) -> float:
        return round(1000 * max(durations_s), 2)

    return Timings(
        queue=worst_ms([outcome.queued_s for outcome in outcomes]),
        decode=worst_ms([outcome.decode_s for outcome in outcomes]),
        infer=worst_ms([outcome.infer_s for outcome in outcomes]),
    )
