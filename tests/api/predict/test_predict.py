"""`POST /predict` over real HTTP: raw and multipart bodies, model references, overload and restarts."""

import os
import signal
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any

import httpx
import numpy as np
import pytest
import torch
from PIL import Image

from model.artifact.manifest import WEIGHTS_FILE, Manifest, model_key
from model.data.images import decode_image, resize_image
from model.device.device import open_device
from model.evaluation.predictions import predict_logits
from model.network.normalisation import Normalisation
from model.spec import Resize
from model.storage.opening import open_storage
from tests.api.pictures import encoded, picture, png, unusual_files
from tests.api.published import HELD_OUT, IMAGE_SIZE, publish_exported, random_network
from tests.api.serving import Service, running_service
from tests.stored import stored_path


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with running_service() as service:
        yield service


@pytest.fixture(scope="module")
def model(service: Service) -> Manifest:
    return service.publish("shapes")


def _files(*contents: bytes, field: str = "files") -> list[tuple[str, tuple[str, bytes, str]]]:
    return [(field, (f"{index}.png", data, "image/png")) for index, data in enumerate(contents)]


def _problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert problem["code"] == code
    return problem


def test_without_any_model_the_error_says_how_to_train_one(service: Service) -> None:
    # First in this file: later tests publish models.
    problem = _problem(service.client.post("/predict", content=png()), 404, "no_model")
    assert "POST /jobs" in problem["detail"]


def test_a_body_that_is_one_image(service: Service, model: Manifest) -> None:
    response = service.client.post("/predict", content=png(), params={"top_k": 2})
    assert response.status_code == 200, response.text
    answer = response.json()
    assert answer["object"] == "prediction"
    assert answer["model"] == {
        "id": model.id,
        "name": "shapes",
        "version": 1,
        "alias": "production",
        "epoch": None,
        "min_scores": {},
        "precision": "float32",
    }
    (item,) = answer["predictions"]
    assert (item["index"], item["filename"], item["status"]) == (0, None, "ok")
    assert {"label": item["label"], "score": item["score"]} == item["scores"][0]
    assert len(item["scores"]) == 2
    assert set(answer["timings_ms"]) == {"queue", "decode", "infer", "total"}
    assert answer["timings_ms"]["total"] >= answer["timings_ms"]["infer"] > 0


def test_images_in_base64(service: Service, model: Manifest) -> None:
    files = [png(1), png(2)]
    document = {
        "images": [f"data:image/png;base64,{b64encode(files[0]).decode()}", b64encode(files[1]).decode()]
    }
    answer = service.client.post("/predict", json=document).json()
    assert model
    expected = service.client.post("/predict", files=_files(*files)).json()
    assert [item["scores"] for item in answer["predictions"]] == [
        item["scores"] for item in expected["predictions"]
    ]


def test_an_answer_below_min_score_abstains(service: Service, model: Manifest) -> None:
    assert model
    for min_score, abstained in ((0.0, False), (1.0, True)):
        response = service.client.post("/predict", content=png(), params={"min_score": min_score})
        assert response.json()["predictions"][0]["abstained"] is abstained
    _problem(service.client.post("/predict", content=png(), params={"min_score": 2}), 422, "invalid_request")


def test_an_answer_through_an_alias_abstains_below_its_least_score(service: Service, model: Manifest) -> None:
    def abstained(ref: str, **params: float) -> bool:
        response = service.client.post("/predict", content=png(), params={"model": ref, **params})
        return bool(response.json()["predictions"][0]["abstained"])

    answer = service.client.post("/predict", content=png(), params={"model": model.id}).json()
    label = answer["predictions"][0]["label"]
    for least, is_unsure in (
        (dict[str, float](), False),
        ({"*": 1.0}, True),
        ({"*": 1.0, label: 0.0}, False),
        ({label: 1.0}, True),
    ):
        service.client.put("/models/shapes/aliases/strict", json={"version": 1, "min_scores": least})
        assert abstained("shapes@strict") is is_unsure
    assert not abstained("shapes@strict", min_score=0)
    assert not abstained("shapes:1")


def test_with_tta_the_logits_of_image_and_mirror_image_are_averaged(
    service: Service, model: Manifest
) -> None:
    mirrored = service.publish("mirrored", alias=None, horizontal_flip=True)
    params: dict[str, str | int] = {"model": mirrored.id, "tta": "true"}
    answer = service.client.post("/predict", files=_files(png(1), png(2)), params=params).json()
    images = [
        resize_image(decode_image(png(seed), image_size=IMAGE_SIZE), IMAGE_SIZE, Resize.SQUASH)
        for seed in (1, 2)
    ]
    given = mirrored.preprocessing
    logits = predict_logits(
        random_network(3, 0),
        torch.from_numpy(np.stack(images)),
        Normalisation(given.mean, given.std),
        open_device("cpu", 1),
        with_flips=True,
    )
    expected = (logits / mirrored.temperature).softmax(1).sort(descending=True).values.numpy()
    scores = [[score["score"] for score in item["scores"]] for item in answer["predictions"]]
    np.testing.assert_allclose(scores, expected, atol=1e-4)
    refused = service.client.post("/predict", content=png(), params=params | {"model": model.id})
    assert "horizontal_flip" in _problem(refused, 422, "tta_unavailable")["detail"]
    both = service.client.post("/predict", content=png(), params=params | {"coverage": 0.9})
    _problem(both, 422, "coverage_unavailable")


def test_a_set_has_each_class_that_is_as_probable_as_the_labels_of_held_out_images(
    service: Service, model: Manifest
) -> None:
    sure = service.publish("sure", alias=None, make=publish_exported)
    params: dict[str, str | float] = {"model": sure.id, "coverage": 0.9}
    (item,) = service.client.post("/predict", content=png(), params=params).json()["predictions"]
    least = HELD_OUT[30 - 28]  # 28 = (30 + 1) * 0.9, rounded up
    assert item["label_set"] == [score["label"] for score in item["scores"] if score["score"] >= least]
    (plain,) = service.client.post("/predict", content=png(), params={"model": sure.id}).json()["predictions"]
    assert plain["label_set"] is None
    few = service.client.post("/predict", content=png(), params=params | {"coverage": 0.99})
    assert "scores of 99 validation images" in _problem(few, 409, "coverage_unavailable")["detail"]
    none = service.client.post("/predict", content=png(), params=params | {"model": model.id})
    assert "has those of 0" in _problem(none, 409, "coverage_unavailable")["detail"]
    _problem(service.client.post("/predict", content=png(), params={"coverage": 1}), 422, "invalid_request")


def test_a_request_that_cannot_be_answered_in_time_fails(service: Service, model: Manifest) -> None:
    assert model
    large = encoded(picture(size=(1500, 1500)))
    response = service.client.post("/predict", content=large, params={"timeout_ms": 1})
    assert int(response.headers["retry-after"]) >= 1
    _problem(response, 503, "deadline_exceeded")


@pytest.mark.parametrize(
    "content_type",
    ["image/png", "image/jpeg", "application/octet-stream", "application/x-www-form-urlencoded", None],
)
def test_an_image_is_recognised_by_its_bytes_whatever_its_content_type(
    service: Service, model: Manifest, content_type: str | None
) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    assert service.client.post("/predict", content=png(), headers=headers).status_code == 200


@pytest.mark.parametrize("field", ["file", "files", "image"])
def test_a_multipart_form_of_several_images(service: Service, model: Manifest, field: str) -> None:
    response = service.client.post("/predict", files=_files(png(0), png(1), png(2), field=field))
    items = response.json()["predictions"]
    assert [(item["index"], item["filename"], item["status"]) for item in items] == [
        (index, f"{index}.png", "ok") for index in range(3)
    ]
    alone = [service.client.post("/predict", content=png(seed)).json() for seed in range(3)]
    assert [item["label"] for item in items] == [answer["predictions"][0]["label"] for answer in alone]


def test_unusual_but_valid_files_are_classified(service: Service, model: Manifest) -> None:
    for name, data in unusual_files().items():
        response = service.client.post("/predict", content=data)
        assert response.status_code == 200, f"{name}: {response.text}"


def test_a_bad_image_does_not_fail_the_others_of_its_request(service: Service, model: Manifest) -> None:
    response = service.client.post("/predict", files=_files(png(), b"words", b"", png()[:100], png(1)))
    assert response.status_code == 200
    items = response.json()["predictions"]
    assert [item["status"] for item in items] == ["ok", "error", "error", "error", "ok"]
    assert [item["error"]["code"] for item in items[1:4]] == ["not_an_image", "empty_upload", "not_an_image"]
    assert set(items[1]) == {"index", "filename", "status", "error"}


def test_when_every_image_fails_the_request_fails(service: Service, model: Manifest) -> None:
    problem = _problem(service.client.post("/predict", files=_files(b"words", b"more")), 415, "not_an_image")
    assert [error["param"] for error in problem["errors"]] == ["image 0", "image 1"]
    _problem(service.client.post("/predict", files=_files(b"words", b"")), 422, "no_valid_image")


def test_every_form_of_model_reference(service: Service) -> None:
    first = service.publish("fruit", version=1)
    second = service.publish("fruit", version=2, alias="canary", seed=1)
    expected = {
        first.id: (1, None),
        "fruit": (1, "production"),
        "fruit@production": (1, "production"),
        "fruit@canary": (2, "canary"),
        "fruit:2": (2, None),
        "fruit:latest": (2, None),
        second.id: (2, None),
    }
    for ref, (version, alias) in expected.items():
        model = service.client.post("/predict", content=png(), params={"model": ref}).json()["model"]
        assert (model["version"], model["alias"]) == (version, alias), ref


@pytest.mark.parametrize(
    "ref", ["nothing", "mdl_nothing", "shapes:99", "shapes@nobody", "../etc", "A B", "x" * 500]
)
def test_a_reference_without_a_model_is_not_found(service: Service, model: Manifest, ref: str) -> None:
    response = service.client.post("/predict", content=png(), params={"model": ref})
    assert response.status_code == 404
    assert ref not in response.text


def test_with_several_production_models_the_request_must_name_one(service: Service, model: Manifest) -> None:
    service.publish("other")
    problem = _problem(service.client.post("/predict", content=png()), 422, "model_required")
    assert "other" in problem["detail"]
    assert "shapes" in problem["detail"]


def test_an_explanation_sums_to_the_logit_and_shows_the_image_that_the_network_saw(
    service: Service, model: Manifest
) -> None:
    data = png(5, size=(40, 30))
    params: dict[str, str | int] = {"model": "shapes", "top_k": 1, "explain": "true"}
    answer = service.client.post("/predict", content=data, params=params).json()
    (item,) = answer["predictions"]
    explanation = item["explanation"]
    assert explanation["label"] == item["label"]
    assert np.array(explanation["evidence"]).shape == (IMAGE_SIZE // 8, IMAGE_SIZE // 8)

    image = resize_image(decode_image(data, image_size=IMAGE_SIZE), IMAGE_SIZE, Resize.SQUASH)
    pixels = (torch.from_numpy(image).permute(2, 0, 1).float() / 255 - 0.5) / 0.25
    with torch.inference_mode():
        logits = random_network(3, seed=0)(pixels[None])[0].double()
    above_mean = float(logits[model.classes.index(item["label"])] - logits.mean())
    assert explanation["logit_above_mean"] == pytest.approx(above_mean, abs=1e-3)
    assert np.sum(explanation["evidence"]) == pytest.approx(above_mean, abs=1e-3)

    head, _, encoded = explanation["overlay"].partition(",")
    picture = Image.open(BytesIO(b64decode(encoded)))
    assert (head, picture.format, picture.size) == ("data:image/png;base64", "PNG", (224, 224))

    plain = service.client.post("/predict", content=data, params={"model": "shapes", "top_k": 1}).json()
    assert plain["predictions"] == [item | {"explanation": None}]


def test_each_valid_image_of_a_form_is_explained(service: Service, model: Manifest) -> None:
    params = {"model": "shapes", "explain": "true"}
    files = _files(png(0), b"words", png(1))
    items = service.client.post("/predict", files=files, params=params).json()["predictions"]
    assert [item["status"] for item in items] == ["ok", "error", "ok"]
    assert "explanation" not in items[1]
    for seed, item in enumerate([items[0], items[2]]):
        alone = service.client.post("/predict", content=png(seed), params=params).json()["predictions"][0]
        assert item["explanation"]["overlay"] == alone["explanation"]["overlay"]


def test_a_request_may_have_16_images_to_explain(service: Service, model: Manifest) -> None:
    images = [png(size=(16, 16))] * 17
    params = {"model": "shapes", "explain": "true"}
    assert service.client.post("/predict", files=_files(*images[:16]), params=params).status_code == 200
    problem = _problem(
        service.client.post("/predict", files=_files(*images), params=params), 413, "too_many_images"
    )
    assert problem["detail"].startswith("A request with explain=true may have 16 images at most")


@pytest.mark.parametrize("explain", ["maybe", "", "2"])
def test_an_invalid_explain_is_refused(service: Service, model: Manifest, explain: str) -> None:
    response = service.client.post("/predict", content=png(), params={"model": "shapes", "explain": explain})
    assert _problem(response, 422, "invalid_request")["errors"][0]["param"] == "explain"


@pytest.mark.parametrize("top_k", ["0", "-1", "1001", "many", ""])
def test_an_invalid_top_k_is_refused(service: Service, model: Manifest, top_k: str) -> None:
    response = service.client.post("/predict", content=png(), params={"model": "shapes", "top_k": top_k})
    problem = _problem(response, 422, "invalid_request")
    assert problem["errors"][0]["param"] == "top_k"


def test_a_model_with_corrupt_weights_is_refused(service: Service) -> None:
    corrupt = service.publish("corrupt")
    weights = stored_path(open_storage(service.storage_url), model_key(corrupt.id, WEIGHTS_FILE))
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    problem = _problem(
        service.client.post("/predict", content=png(), params={"model": "corrupt"}), 500, "corrupt_artifact"
    )
    assert str(weights) not in problem["detail"]


def test_no_request_fails_while_the_production_alias_moves(service: Service) -> None:
    versions = [service.publish("moving", version=version, seed=version) for version in (1, 2)]
    moved = threading.Event()

    def predict(_: int) -> tuple[int, int, str]:
        response = service.client.post("/predict", content=png(), params={"model": "moving"})
        return response.status_code, response.json()["model"]["version"], response.json()["model"]["id"]

    def move() -> None:
        for _ in range(10):
            for manifest in versions:
                response = service.client.put(
                    "/models/moving/aliases/production", json={"version": manifest.version}
                )
                assert response.status_code == 200, response.text
        moved.set()

    mover = threading.Thread(target=move)
    mover.start()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(predict, range(60)))
    mover.join()
    assert moved.is_set()
    ids = {manifest.version: manifest.id for manifest in versions}
    assert {status for status, _, _ in answers} == {200}
    assert all(ids[version] == model_id for _, version, model_id in answers)


def test_large_photos_and_small_images_at_the_same_time(service: Service, model: Manifest) -> None:
    photo = encoded(picture(size=(2000, 1500)), "JPEG")
    with ThreadPoolExecutor(4) as pool:
        large = pool.submit(
            service.client.post, "/predict", files=_files(*[photo] * 16), params={"model": "shapes"}
        )
        small = [
            service.client.post("/predict", content=png(seed), params={"model": "shapes"})
            for seed in range(10)
        ]
        assert large.result().status_code == 200
    assert {response.status_code for response in small} == {200}


def test_requests_above_the_limit_of_waiting_images_are_refused_with_retry_after(service: Service) -> None:
    service.publish("busy")  # the model is not loaded yet: all requests wait for its load
    images = _files(*[png(size=(16, 16))] * 64)

    def predict(_: int) -> httpx.Response:
        return service.client.post("/predict", files=images, params={"model": "busy"})

    with ThreadPoolExecutor(40) as pool:
        responses = list(pool.map(predict, range(40)))
    refused = [response for response in responses if response.status_code != 200]
    assert 0 < len(refused) < len(responses)
    for response in refused:
        _problem(response, 503, "overloaded")
        assert 1 <= int(response.headers["retry-after"]) <= 60


def test_predictions_work_again_after_the_predictor_was_killed(service: Service, model: Manifest) -> None:
    pid = service.predictor.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    started = time.monotonic()
    first = service.client.post("/predict", content=png(), params={"model": "shapes"})
    if first.status_code != 200:
        _problem(first, 503, "predictor_unavailable")
        assert int(first.headers["retry-after"]) > 0
        assert time.monotonic() - started < 5
    while service.client.post("/predict", content=png(), params={"model": "shapes"}).status_code != 200:
        assert time.monotonic() - started < 5 * 15  # promised: 15 s on an idle machine
        time.sleep(0.1)
    assert service.predictor.pid != pid
