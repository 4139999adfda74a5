"""Triton's own HTTP client classifies images."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException

from model.artifact.manifest import Manifest
from tests.api.pictures import encoded, picture, png
from tests.api.published import IMAGE_SIZE
from tests.api.serving import Service, running_service


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with running_service() as service:
        yield service


@pytest.fixture(scope="module")
def model(service: Service) -> Manifest:
    return service.publish("shapes")


@pytest.fixture(scope="module")
def client(service: Service) -> Iterator[InferenceServerClient]:
    with InferenceServerClient(service.client.base_url.netloc.decode()) as client:
        yield client


def _files(*files: bytes, is_binary: bool = True) -> InferInput:
    tensor = InferInput("image", [len(files)], "BYTES")
    tensor.set_data_from_numpy(np.array(files, dtype=object), binary_data=is_binary)
    return tensor


def _pixels(images_NHWC: np.ndarray, *, is_binary: bool = True) -> InferInput:  # noqa: N803 - the shape
    tensor = InferInput("pixels", list(images_NHWC.shape), "UINT8")
    tensor.set_data_from_numpy(images_NHWC, binary_data=is_binary)
    return tensor


def _scores_of_predict(service: Service, model: Manifest, data: bytes) -> list[float]:
    answer = service.client.post("/predict", content=data, params={"top_k": 3}).json()
    by_label = {score["label"]: score["score"] for score in answer["predictions"][0]["scores"]}
    return [by_label[label] for label in model.classes]


def test_the_client_finds_server_and_model(client: InferenceServerClient, model: Manifest) -> None:
    assert client.is_server_live()
    assert client.is_model_ready("shapes")
    assert client.is_model_ready("shapes", "1")
    assert not client.is_model_ready("nobody")
    assert client.get_server_metadata()["name"] == "ninefold"
    metadata = client.get_model_metadata("shapes")
    assert metadata["inputs"][1]["shape"] == [-1, IMAGE_SIZE, IMAGE_SIZE, 3]
    assert metadata["outputs"][0]["shape"] == [-1, len(model.classes)]


def test_image_files_get_the_scores_of_predict(
    service: Service, client: InferenceServerClient, model: Manifest
) -> None:
    files = [png(seed) for seed in range(3)]
    result = client.infer("shapes", [_files(*files)], request_id="mine")
    expected = [_scores_of_predict(service, model, file) for file in files]
    assert np.allclose(result.as_numpy("probabilities"), expected, atol=2e-6)
    labels = [model.classes[int(np.argmax(scores))].encode() for scores in expected]
    assert result.as_numpy("label").tolist() == labels
    assert result.get_response()["id"] == "mine"
    assert result.get_response()["model_version"] == "1"


@pytest.mark.parametrize("is_binary", [True, False])
def test_pixels_get_the_scores_of_the_same_image_as_a_file(
    service: Service, client: InferenceServerClient, model: Manifest, *, is_binary: bool
) -> None:
    image = picture(size=(IMAGE_SIZE, IMAGE_SIZE))
    outputs = [InferRequestedOutput("probabilities", binary_data=is_binary)]
    tensor = _pixels(np.array(image)[None], is_binary=is_binary)
    result = client.infer("shapes", [tensor], model_version="1", outputs=outputs)
    expected = _scores_of_predict(service, model, encoded(image))
    assert np.allclose(result.as_numpy("probabilities"), [expected], atol=2e-6)
    assert result.as_numpy("label") is None


def test_pixels_of_another_size_are_resized_as_files_are(
    service: Service, client: InferenceServerClient, model: Manifest
) -> None:
    image = picture(size=(40, 30))
    result = client.infer("shapes", [_pixels(np.array(image)[None])])
    expected = _scores_of_predict(service, model, encoded(image))
    assert np.allclose(result.as_numpy("probabilities"), [expected], atol=2e-6)


def test_an_image_that_cannot_be_read_fails_the_request_with_its_number(
    client: InferenceServerClient, model: Manifest
) -> None:
    assert model
    with pytest.raises(InferenceServerException, match=r"Image 1: .*not an image") as failed:
        client.infer("shapes", [_files(png(), b"no image")])
    assert failed.value.status() == "415"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"shape": [2]}, "does not fit"),
        ({"shape": [0]}, "no image"),
        ({"name": "images"}, "There is no input"),
        ({"datatype": "FP32"}, "There is no input"),
        ({"data": ["no base64!"]}, "not base64"),
        ({"parameters": {"binary_data_size": 10}}, "binary_data_size"),
        ({"name": "pixels", "datatype": "UINT8", "shape": [1, 1, 3], "data": [1, 2, 256]}, "0 to 255"),
        ({"name": "pixels", "datatype": "UINT8", "shape": [1, 1, 1, 4], "data": [1, 2, 3, 4]}, "cannot have"),
        ({"name": "pixels", "datatype": "UINT8", "shape": [1, 2, 2, 3], "data": [1, 2, 3]}, "does not fit"),
        ({"secret": 1}, "not an inference request"),
        ({"name": "pixels", "datatype": "UINT8", "data": [0] * 2_000_001}, "pixels as binary data"),
    ],
)
def test_wrong_tensors_are_refused(
    service: Service, model: Manifest, change: dict[str, Any], words: str
) -> None:
    assert model
    tensor = {"name": "image", "shape": [1], "datatype": "BYTES", "data": ["QUJD"]} | change
    response = service.client.post("/v2/models/shapes/infer", json={"inputs": [tensor]})
    assert response.status_code == 422
    assert words in response.json()["error"]


def test_a_cut_binary_tensor_is_refused(service: Service, model: Manifest) -> None:
    assert model
    document = (
        b'{"inputs":[{"name":"image","shape":[1],"datatype":"BYTES","parameters":{"binary_data_size":6}}]}'
    )
    for length, tail in ((len(document), b"\x09\x00\x00\x00ab"), (10_000, b"")):
        headers = {"Inference-Header-Content-Length": str(length)}
        response = service.client.post("/v2/models/shapes/infer", content=document + tail, headers=headers)
        assert response.status_code == 422, response.text
