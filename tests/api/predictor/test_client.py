"""What a client of the predictor gets over the socket: the network's scores, and an error for each fault."""

import asyncio
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from api.predictor.client import Predicted, PredictorClient
from api.predictor.errors import (
    CorruptModelError,
    DeadlineExceededError,
    ModelUnavailableError,
)
from model.artifact.manifest import WEIGHTS_FILE, Manifest, model_key
from model.data.images import decode_image, resize_image
from model.spec import Resize
from model.storage.interface import Storage
from tests.api.pictures import png, unusual_files
from tests.api.predictor.asking import predict, with_client
from tests.api.published import IMAGE_SIZE, publish_model, random_network
from tests.stored import stored_path


def _expected_scores(data: bytes, seed: int) -> np.ndarray:
    """Scores of the unfused network for one image, computed from the definition of the network."""
    image = resize_image(decode_image(data, image_size=IMAGE_SIZE), IMAGE_SIZE, Resize.SQUASH)
    pixels = (torch.from_numpy(image).permute(2, 0, 1).float() / 255 - 0.5) / 0.25
    with torch.inference_mode():
        logits = random_network(3, seed)(pixels[None])[0] / 1.5
    return np.asarray(torch.softmax(logits, 0))


def test_scores_are_those_of_the_trained_network(socket_path: Path, model: Manifest) -> None:
    images = [png(seed, size=(20 + seed, 31)) for seed in range(5)]
    predicted = predict(socket_path, model.id, images)
    for data, item in zip(images, predicted.items, strict=True):
        expected = _expected_scores(data, seed=0)
        assert {score.label: score.score for score in item.scores} == pytest.approx(
            {f"class-{k}": float(expected[k]) for k in range(3)}, abs=1e-4
        )
        assert [score.score for score in item.scores] == sorted((s.score for s in item.scores), reverse=True)


def test_unusual_but_valid_files_are_classified(socket_path: Path, model: Manifest) -> None:
    files = unusual_files()
    predicted = predict(socket_path, model.id, list(files.values()))
    errors = {name: item.error for name, item in zip(files, predicted.items, strict=True) if item.error}
    assert errors == {}


def test_top_k_is_at_most_the_number_of_classes(socket_path: Path, model: Manifest) -> None:
    assert [len(predict(socket_path, model.id, [png()], top_k=k).items[0].scores) for k in (1, 2, 9)] == [
        1,
        2,
        3,
    ]


def test_a_bad_image_does_not_fail_the_others_of_its_request(socket_path: Path, model: Manifest) -> None:
    items = predict(socket_path, model.id, [png(), b"no image", png()[:200], png(1)]).items
    assert [item.error.code if item.error else "ok" for item in items] == [
        "ok",
        "not_an_image",
        "not_an_image",
        "ok",
    ]


def test_concurrent_requests_all_get_their_own_answer(socket_path: Path, model: Manifest) -> None:
    images = [png(seed) for seed in range(60)]

    async def predict_all(client: PredictorClient) -> list[Predicted]:
        return await asyncio.gather(*(client.predict(model.id, [image], top_k=1) for image in images))

    alone = predict(socket_path, model.id, images, top_k=1).items
    together = [predicted.items[0] for predicted in with_client(socket_path, predict_all)]
    for one, other in zip(alone, together, strict=True):
        assert one.scores[0].label == other.scores[0].label
        assert one.scores[0].score == pytest.approx(other.scores[0].score, abs=1e-4)


def test_corrupt_weights_are_refused_and_other_models_keep_answering(
    socket_path: Path, storage: Storage, model: Manifest
) -> None:
    corrupt = publish_model(storage, name="corrupt")
    weights = stored_path(storage, model_key(corrupt.id, WEIGHTS_FILE))
    data = bytearray(weights.read_bytes())
    data[len(data) // 2] ^= 1
    weights.write_bytes(data)
    with pytest.raises(CorruptModelError, match="not those that were published"):
        predict(socket_path, corrupt.id, [png()])
    assert predict(socket_path, model.id, [png()]).items[0].scores


def test_a_model_without_files_is_unavailable(socket_path: Path) -> None:
    with pytest.raises(ModelUnavailableError):
        predict(socket_path, "mdl_nothing", [png()])


def test_a_request_past_its_deadline_fails_with_deadline_exceeded(
    socket_path: Path, storage: Storage
) -> None:
    fresh = publish_model(storage, name="fresh")
    with pytest.raises(DeadlineExceededError):
        with_client(socket_path, lambda client: client.predict(fresh.id, [png()], top_k=1, deadline_s=0.001))


def test_a_connection_works_after_a_request_was_cancelled(socket_path: Path, model: Manifest) -> None:
    async def cancel_then_predict(client: PredictorClient) -> Predicted:
        large = [png(seed, size=(600, 600)) for seed in range(8)]
        for delay_s in (0, 0.001, 0.01):
            leaving = asyncio.create_task(client.predict(model.id, large, top_k=1))
            await asyncio.sleep(delay_s)
            leaving.cancel()
            with pytest.raises(asyncio.CancelledError):
                await leaving
        return await client.predict(model.id, [png()], top_k=1)

    assert with_client(socket_path, cancel_then_predict).items[0].scores


def test_garbage_on_the_socket_closes_only_that_connection(socket_path: Path, model: Manifest) -> None:
    async def garbage() -> bytes:
        reader, writer = await asyncio.open_unix_connection(socket_path)
        writer.write(os.urandom(100) + b"\xff" * 100)
        answer = await reader.read()
        writer.close()
        return answer

    assert asyncio.run(garbage()) == b""
    assert predict(socket_path, model.id, [png()]).items[0].scores


def test_explaining_a_model_whose_weights_were_damaged_since_fails_and_predictions_go_on(
    socket_path: Path, storage: Storage
) -> None:
    damaged = publish_model(storage, name="damaged")
    assert predict(socket_path, damaged.id, [png()]).items[0].scores
    stored_path(storage, model_key(damaged.id, WEIGHTS_FILE)).write_bytes(b"damaged")
    with pytest.raises(CorruptModelError):
        with_client(socket_path, lambda client: client.predict(damaged.id, [png()], top_k=1, explain=True))
    assert predict(socket_path, damaged.id, [png()]).items[0].scores
