"""Options of `POST /predict`: mirror images, sets of labels, and explanations."""

from base64 import b64decode
from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image

from model.artifact.manifest import Manifest
from model.data.images import decode_image, resize_image
from model.device.device import open_device
from model.evaluation.predictions import predict_logits
from model.network.normalisation import Normalisation
from model.spec import Resize
from tests.api.pictures import form_of, png
from tests.api.problems import problem_in
from tests.api.published import HELD_OUT, IMAGE_SIZE, publish_exported, random_network
from tests.api.serving import Service


def test_with_tta_the_logits_of_image_and_mirror_image_are_averaged(
    service: Service, model: Manifest
) -> None:
    mirrored = service.publish("mirrored", alias=None, horizontal_flip=True)
    params: dict[str, str | int] = {"model": mirrored.id, "tta": "true"}
    answer = service.client.post("/predict", files=form_of(png(1), png(2)), params=params).json()
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
    assert "horizontal_flip" in problem_in(refused, 422, "tta_unavailable")["detail"]
    both = service.client.post("/predict", content=png(), params=params | {"coverage": 0.9})
    problem_in(both, 422, "coverage_unavailable")


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
    assert "scores of 99 validation images" in problem_in(few, 409, "coverage_unavailable")["detail"]
    none = service.client.post("/predict", content=png(), params=params | {"model": model.id})
    assert "has those of 0" in problem_in(none, 409, "coverage_unavailable")["detail"]
    problem_in(service.client.post("/predict", content=png(), params={"coverage": 1}), 422, "invalid_request")


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
    files = form_of(png(0), b"words", png(1))
    items = service.client.post("/predict", files=files, params=params).json()["predictions"]
    assert [item["status"] for item in items] == ["ok", "error", "ok"]
    assert "explanation" not in items[1]
    for seed, item in enumerate([items[0], items[2]]):
        alone = service.client.post("/predict", content=png(seed), params=params).json()["predictions"][0]
        assert item["explanation"]["overlay"] == alone["explanation"]["overlay"]


def test_a_request_may_have_16_images_to_explain(service: Service, model: Manifest) -> None:
    images = [png(size=(16, 16))] * 17
    params = {"model": "shapes", "explain": "true"}
    assert service.client.post("/predict", files=form_of(*images[:16]), params=params).status_code == 200
    problem = problem_in(
        service.client.post("/predict", files=form_of(*images), params=params), 413, "too_many_images"
    )
    assert problem["detail"].startswith("A request with explain=true may have 16 images at most")


@pytest.mark.parametrize("explain", ["maybe", "", "2"])
def test_an_invalid_explain_is_refused(service: Service, model: Manifest, explain: str) -> None:
    response = service.client.post("/predict", content=png(), params={"model": "shapes", "explain": explain})
    assert problem_in(response, 422, "invalid_request")["errors"][0]["param"] == "explain"
