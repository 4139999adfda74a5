"""One request inside the predictor, apart from sockets and torch."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from api.predictor.protocol.channel import Open
from api.predictor.serving.admission import Admission, Rate
from api.predictor.serving.batcher import Batcher
from api.predictor.serving.classification import Inbox, PredictionService, ServedModel
from api.predictor.serving.model_cache import ModelCache


class BrokenModel:
    """One whose decoding fails in a way that nobody foresaw."""

    classes = ["a"]  # noqa: RUF012  # never changed
    size_bytes = 1

    def decode(self, _data: bytes) -> np.ndarray:
        raise ZeroDivisionError("nobody foresaw this")

    def classify(self, images: np.ndarray, /) -> np.ndarray:
        return np.ones((len(images), 1), np.float32)


async def _load(_model_id: str) -> ServedModel:
    return BrokenModel()


def test_an_image_that_fails_unexpectedly_leaves_no_other_of_its_request_behind() -> None:
    async def ask() -> None:
        with ThreadPoolExecutor(1) as inference, ThreadPoolExecutor(1) as decoders:
            rate = Rate()
            admission = Admission(rate)
            models: ModelCache[ServedModel] = ModelCache(_load, budget_bytes=10)
            service = PredictionService(models, Batcher(inference, rate, max_batch=1), admission, decoders)
            inbox = Inbox()
            inbox.put(0, b"the first of two; the other never comes")
            request = Open(request=1, model_id="mdl_1", top_k=1, images=2, total_bytes=80, deadline_s=60)
            with pytest.raises(ZeroDivisionError):
                await service.answer(request, inbox)
            assert asyncio.all_tasks() == {asyncio.current_task()}
            assert admission.images == 0

    asyncio.run(ask())
