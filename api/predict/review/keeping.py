"""Keeps images of production's traffic whose answers are uncertain, after the answer was sent."""

import asyncio
import hashlib
import logging
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from api.predict.body import UploadedImage
from api.predict.traffic.known_names import KnownNames
from api.predict.traffic.waiting_images import WaitingImage, WaitingImages
from api.predictor.protocol.messages import ItemAnswer
from api.records.storages import Storages
from model.data.files.bare_images import without_metadata
from model.errors import StorageError
from worker.errors import WorkerError
from worker.queue.ids import new_review_id
from worker.registry.model_registry import AsyncModelRegistry
from worker.registry.models import PRODUCTION, RegisteredModel
from worker.registry.review.records import NewReviewImage, ReviewScore, image_key

_MOST_SCORES = 5
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Answered:
    """What is known of an image that waits to be kept."""

    project: str
    name: str
    model: str
    version: int
    scores: list[ReviewScore]


class ReviewTraffic:
    """The uncertain answers that wait, in memory, to be stored; none when no review is on."""

    def __init__(
        self,
        registry: AsyncModelRegistry,
        storages: Storages,
        *,
        max_bytes: int,
        choose: Callable[[], float] = random.random,
    ) -> None:
        self._registry, self._storages = registry, storages
        self._max_bytes, self._choose = max_bytes, choose
        self._settings = KnownNames(registry.review_settings)
        self._waiting = WaitingImages[_Answered]()
        self._missed: Counter[tuple[str, str]] = Counter()
        self._has_work = asyncio.Event()

    async def read_settings(self, name: str, project: str) -> None:
        """Use the settings of a review that have just changed from now on; other processes do some seconds later."""
        await self._settings.refresh(name, project)

    def offer(
        self,
        model: RegisteredModel,
        project: str,
        images: Sequence[UploadedImage],
        answers: Sequence[ItemAnswer],
    ) -> None:
        """Choose the images whose answers are uncertain. Waits for nothing and never fails."""
        if PRODUCTION not in model.aliases:
            return
        name = model.manifest.name
        settings = self._settings.get(name, project)
        if self._settings.has_wanted:
            self._has_work.set()
        if settings is None:
            return
        for image, answer in zip(images, answers, strict=True):
            is_file = image.data and not image.height_width
            if not is_file or not answer.scores or answer.scores[0].score >= settings.below:
                continue
            if self._choose() < settings.fraction:
                self._add(model, project, image, answer)

    def _add(self, model: RegisteredModel, project: str, image: UploadedImage, answer: ItemAnswer) -> None:
        manifest = model.manifest
        scores = [ReviewScore(**score.model_dump()) for score in answer.scores[:_MOST_SCORES]]
        facts = _Answered(project, manifest.name, manifest.id, manifest.version, scores)
        is_too_large = len(image.data or b"") > self._max_bytes
        if is_too_large or not self._waiting.offer(image.data or b"", facts):
            self._missed[project, manifest.name] += 1
        self._has_work.set()

    async def run(self) -> None:
        """Store what waits, one image at a time, until cancelled."""
        while True:
            await self._has_work.wait()
            self._has_work.clear()
            try:
                await self._settings.look_up()
                while self._waiting:
                    await self._keep(self._waiting.take())
                for project, name in list(self._missed):
                    await self._note(project, name, None)
            except (WorkerError, StorageError) as error:
                _log.warning("uncertain answers are not kept for now: %s", error)
                self._missed.clear()

    async def _keep(self, image: WaitingImage[_Answered]) -> None:
        facts = image.facts
        sha256 = await asyncio.to_thread(lambda: hashlib.sha256(image.data).hexdigest())
        if await self._registry.is_seen(facts.name, sha256, facts.project):
            return
        try:
            kept = await asyncio.to_thread(without_metadata, image.data)
        except ValueError:  # it cannot be told from its metadata
            self._missed[facts.project, facts.name] += 1
            return
        new = NewReviewImage(
            id=new_review_id(),
            sha256=sha256,
            size_bytes=len(kept),
            model=facts.model,
            version=facts.version,
            scores=facts.scores,
        )
        storage = self._storages.of(facts.project)
        await self._storages.run(storage.put_bytes, image_key(facts.name, new.id), kept)
        await self._note(facts.project, facts.name, new)

    async def _note(self, project: str, name: str, image: NewReviewImage | None) -> None:
        """Record an image and what was missed, and delete the images that are too many, too large together, or too old."""
        missed = self._missed.pop((project, name), 0)
        dropped = await self._registry.keep_image(
            name, image, missed=missed, max_bytes=self._max_bytes, project=project
        )
        storage = self._storages.of(project)
        for image_id in dropped:
            await self._storages.run(storage.delete, image_key(name, image_id))
