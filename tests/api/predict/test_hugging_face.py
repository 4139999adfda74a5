"""Hugging Face's own client classifies images."""

from collections.abc import Iterator

import pytest
from huggingface_hub import InferenceClient
from huggingface_hub.errors import HfHubHTTPError

from tests.api.pictures import png
from tests.api.serving import Service, running_service


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with running_service() as service:
        service.publish("shapes")
        yield service


@pytest.mark.parametrize("path", ["", "/models/shapes", "/models/shapes:1"])
@pytest.mark.parametrize("top_k", [None, 2])
def test_its_client_gets_the_scores_of_predict(service: Service, path: str, top_k: int | None) -> None:
    client = InferenceClient(base_url=f"{str(service.client.base_url).rstrip('/')}{path}")
    scores = client.image_classification(png(), top_k=top_k)
    expected = service.client.post("/predict", content=png(), params={"top_k": top_k or 5}).json()
    assert [{"label": score.label, "score": score.score} for score in scores] == expected["predictions"][0][
        "scores"
    ]


def test_an_error_says_what_to_do(service: Service) -> None:
    client = InferenceClient(base_url=f"{str(service.client.base_url).rstrip('/')}/models/shapes")
    with pytest.raises(HfHubHTTPError, match="not an image"):
        client.image_classification(b"no image at all")
    with pytest.raises(HfHubHTTPError, match="only softmax is possible"):
        client.image_classification(png(), function_to_apply="sigmoid")


def test_an_unknown_model_is_not_found(service: Service) -> None:
    response = service.client.post("/models/nobody", content=png())
    assert (response.status_code, response.json()["code"]) == (404, "model_not_found")
