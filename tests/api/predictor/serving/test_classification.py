"""One prediction request, without socket and torch."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from api.predictor.decoding.children import DecodingChildren
from api.predictor.protocol.image_data import ImageData
from api.predictor.protocol.messages import Open
from api.predictor.serving.admission import Admission
from api.predictor.serving.batcher import Batcher
from api.predictor.serving.classification import Decoders, ImageQueue, RequestClassifier, ServedModel
from api.predictor.serving.explanation import Explanations
from api.predictor.serving.model_cache import ModelCache
from api.predictor.serving.speeds import QueueSpeeds
from model.explanation.explainer import ImageExplanation


class BrokenModel:
    """A model whose decoding raises an unexpected error."""

    classes = ["a"]  # noqa: RUF012  # never changed
    size_bytes = 1
    precision = "float32"
    epoch = None

    def least_probability(self, _coverage: float, /) -> float:
        raise AssertionError("nothing asks for it")

    def prepare(self, _image: ImageData) -> np.ndarray:
        raise ZeroDivisionError("unexpected")

    def classify(self, images: np.ndarray, /) -> np.ndarray:
        return np.ones((len(images), 1), np.float32)

    def explain(self, _images: Sequence[np.ndarray], _labels: Sequence[int], /) -> list[ImageExplanation]:
        raise AssertionError("nothing asks for it")


async def _load(_model_id: str) -> ServedModel:
    return BrokenModel()


def test_an_unexpected_error_in_one_image_ends_the_tasks_of_the_whole_request() -> None:
    async def classify() -> None:
        with ThreadPoolExecutor(1) as inference, ThreadPoolExecutor(1) as decoding:
            admission = Admission(QueueSpeeds())
            models: ModelCache[ServedModel] = ModelCache(_load, budget_bytes=10)
            batcher = Batcher(inference, max_batch=1)
            decoders, explanations = Decoders(decoding, 1, DecodingChildren(1)), Explanations(decoding)
            classifier = RequestClassifier(models, batcher, admission, decoders, explanations)
            images = ImageQueue()
            images.put(0, ImageData(b"the first of two images; the second never arrives"))
            request = Open(request_id=1, model="mdl_1", top_k=1, image_count=2, total_bytes=80, deadline_s=60)
            with pytest.raises(ZeroDivisionError):
                await classifier.answer(request, images)
            assert asyncio.all_tasks() == {asyncio.current_task()}
            assert admission.images == 0

    asyncio.run(classify())
