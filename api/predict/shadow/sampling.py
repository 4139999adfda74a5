"""Chooses images of production's traffic for the shadow, and has them classified when the predictor has nothing else to do."""

import asyncio
import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from api.predict.body import UploadedImage
from api.predict.traffic.known_names import KnownNames
from api.predict.traffic.waiting_images import WaitingImage, WaitingImages
from api.predictor.client import PredictorClient
from api.predictor.errors import OverloadedError, PredictionError
from api.predictor.protocol.messages import ItemAnswer, Score
from api.records.storages import Storages
from model.data.files.bare_images import without_metadata
from model.errors import StorageError
from worker.errors import ModelNotFoundError, WorkerError
from worker.queue.ids import new_disagreement_id
from worker.redis_server.projects import model_address
from worker.registry.errors import NoProductionError
from worker.registry.model_registry import AsyncModelRegistry
from worker.registry.models import PRODUCTION, RegisteredModel
from worker.registry.shadow import SHADOW, Disagreement, KeptImages, Pair, ShadowAnswer, image_key

_PATIENCE_S = 5.0
"""An image that production gave no room for so long is dropped."""
_RETRY_S = 0.02
_DEADLINE_S = 10.0
_NOTE_EVERY_S = 2.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Sampled:
    """What is known of an image that waits for the shadow."""

    project: str
    pair: Pair
    production: Score
    sampled_at: float


class ShadowTraffic:
    """The images that wait for shadows, in memory; none when there is no shadow."""

    def __init__(
        self,
        registry: AsyncModelRegistry,
        predictor: PredictorClient,
        storages: Storages,
        *,
        fraction: float,
        kept: KeptImages,
        choose: Callable[[], float] = random.random,
    ) -> None:
        self._registry, self._predictor, self._storages = registry, predictor, storages
        self._shadows = KnownNames(self._find_shadow)
        self._fraction, self._kept, self._choose = fraction, kept, choose
        self._waiting = WaitingImages[_Sampled]()
        self._counts: dict[tuple[str, Pair], Counter[str]] = {}
        self._has_work = asyncio.Event()

    def offer(
        self,
        model: RegisteredModel,
        project: str,
        images: Sequence[UploadedImage],
        answers: Sequence[ItemAnswer],
    ) -> None:
        """Choose some of the images that production has just classified. Waits for nothing and never fails."""
        if not self._fraction or PRODUCTION not in model.aliases:
            return
        shadow = self._shadows.get(model.manifest.name, project)
        if self._shadows.has_wanted:
            self._has_work.set()
        if shadow is None or shadow == model.manifest.id:
            return
        pair = Pair(model.manifest.id, shadow)
        for image, answer in zip(images, answers, strict=True):
            if image.data and not image.height_width and answer.scores and self._choose() < self._fraction:
                self._add(project, pair, answer.scores[0], image.data)

    def _add(self, project: str, pair: Pair, score: Score, data: bytes | bytearray) -> None:
        if not self._waiting.offer(data, _Sampled(project, pair, score, time.monotonic())):
            self._count(project, pair, "dropped")
        self._has_work.set()

    def _count(self, project: str, pair: Pair, *names: str) -> None:
        self._counts.setdefault((project, pair), Counter()).update(names)

    async def run(self) -> None:
        """Classify what waits, one image at a time, until cancelled."""
        noted_at = time.monotonic()
        while True:
            await self._has_work.wait()
            self._has_work.clear()
            try:
                await self._shadows.look_up()
                while self._waiting:
                    await self._classify_next()
                    if time.monotonic() - noted_at > _NOTE_EVERY_S:
                        noted_at = time.monotonic()
                        await self._note_counts()
                await self._note_counts()
            except (WorkerError, StorageError, PredictionError) as error:
                _log.warning("the shadow's answers are not counted for now: %s", error)
                self._counts.clear()

    async def _classify_next(self) -> None:
        image = self._waiting.take()
        project, pair = image.facts.project, image.facts.pair
        try:
            shadow = await self._wait_for_room(image)
        except PredictionError:
            self._count(project, pair, "failed")
            return
        if shadow is None:
            self._count(project, pair, "dropped")
        elif not shadow.scores:
            self._count(project, pair, "failed")
        elif shadow.scores[0].label == image.facts.production.label:
            self._count(project, pair, "compared", "agreed")
        else:
            self._count(project, pair, "compared")
            await self._note_disagreement(image, shadow.scores[0])

    async def _find_shadow(self, name: str, project: str) -> str | None:
        """Return the id of the model with the alias `shadow`."""
        try:
            return (await self._registry.resolve(f"{name}@{SHADOW}", project)).manifest.id
        except (ModelNotFoundError, NoProductionError):
            return None

    async def _wait_for_room(self, image: WaitingImage[_Sampled]) -> ItemAnswer | None:
        """Return the shadow's answer; None when production needed the predictor all the time."""
        address = model_address(image.facts.pair.shadow, image.facts.project)
        while time.monotonic() - image.facts.sampled_at < _PATIENCE_S:
            if not await self._predictor.is_idle():
                await asyncio.sleep(_RETRY_S)
                continue
            try:
                predicted = await self._predictor.predict(
                    address, [image.data], top_k=1, deadline_s=_DEADLINE_S, is_background=True
                )
            except OverloadedError:  # a request came in between
                await asyncio.sleep(_RETRY_S)
            else:
                return predicted.items[0]
        return None

    async def _note_disagreement(self, image: WaitingImage[_Sampled], shadow: Score) -> None:
        facts, data = image.facts, await self._image_to_keep(image.data)
        found = Disagreement(
            id=new_disagreement_id(),
            production=ShadowAnswer(**facts.production.model_dump()),
            shadow=ShadowAnswer(**shadow.model_dump()),
            image_bytes=len(data),
        )
        if data:
            storage = self._storages.of(facts.project)
            await self._storages.run(storage.put_bytes, image_key(facts.pair, found.id), data)
        await self._note(facts.project, facts.pair, found)

    async def _image_to_keep(self, data: bytes) -> bytes:
        """Return the image without its metadata; nothing if it is not kept."""
        if not self._kept.images or len(data) > self._kept.size_bytes:
            return b""
        try:
            return await asyncio.to_thread(without_metadata, data)
        except ValueError:  # it cannot be told from its metadata
            return b""

    async def _note_counts(self) -> None:
        for project, pair in list(self._counts):
            await self._note(project, pair)

    async def _note(self, project: str, pair: Pair, *found: Disagreement) -> None:
        """Record the counts and delete the images that are too many, too large together, or too old."""
        counts = self._counts.pop((project, pair), Counter())
        dropped = await self._registry.note_shadow(pair, counts, found, self._kept, project)
        storage = self._storages.of(project)
        for disagreement_id in dropped:
            await self._storages.run(storage.delete, image_key(pair, disagreement_id))
