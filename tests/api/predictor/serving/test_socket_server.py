"""The predictor's socket: an answer that fits into no frame is a failure of its request alone."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from api.predictor.client import PredictorClient
from api.predictor.decoding.children import DecodingChildren
from api.predictor.errors import AnswerTooLargeError
from api.predictor.protocol.framing import MAX_BODY_BYTES
from api.predictor.protocol.image_data import ImageData
from api.predictor.protocol.messages import Pong
from api.predictor.serving.admission import Admission
from api.predictor.serving.batcher import Batcher
from api.predictor.serving.classification import Decoders, RequestClassifier, ServedModel
from api.predictor.serving.explanation import Explanations
from api.predictor.serving.model_cache import ModelCache
from api.predictor.serving.socket_server import listen
from api.predictor.serving.speeds import QueueSpeeds
from model.explanation.explainer import ImageExplanation


class WordyModel:
    """A model whose labels are so long that all of them fit into no frame."""

    classes = [f"{k}" + "x" * 4_000_000 for k in range(MAX_BODY_BYTES // 4_000_000 + 1)]  # noqa: RUF012  # never changed
    size_bytes = 1
    precision = "float32"
    epoch = None

    def least_probability(self, _coverage: float, /) -> float:
        raise AssertionError("nothing asks for it")

    def prepare(self, _image: ImageData) -> np.ndarray:
        return np.zeros((1, 1, 3), np.uint8)

    def classify(self, images: np.ndarray, /) -> np.ndarray:
        return np.ones((len(images), len(self.classes)), np.float32)

    def explain(self, _images: Sequence[np.ndarray], _labels: Sequence[int], /) -> list[ImageExplanation]:
        raise AssertionError("nothing asks for it")


async def _load(_model_id: str) -> ServedModel:
    return WordyModel()


def test_a_request_whose_answer_is_too_large_fails_and_the_connection_goes_on(tmp_path: Path) -> None:
    async def predict() -> int:
        with ThreadPoolExecutor(1) as inference, ThreadPoolExecutor(1) as decoding:
            models: ModelCache[ServedModel] = ModelCache(_load, budget_bytes=10)
            batcher = Batcher(inference)
            admission, explanations = Admission(QueueSpeeds()), Explanations(decoding)
            classifier = RequestClassifier(
                models, batcher, admission, Decoders(decoding, 1, DecodingChildren(1)), explanations
            )
            server = await listen(tmp_path / "p.sock", classifier, lambda: Pong(ready=True))
            running, client = (
                asyncio.create_task(batcher.run()),
                PredictorClient(tmp_path / "p.sock", connections=1),
            )
            try:
                with pytest.raises(AnswerTooLargeError, match="top_k"):
                    await client.predict("mdl_1", [b"image"], top_k=len(WordyModel.classes))
                answer = await client.predict("mdl_1", [b"image"], top_k=1)
                return len(answer.items[0].scores)
            finally:
                await client.close()
                running.cancel()
                server.close()

    assert asyncio.run(predict()) == 1
