"""The rows of a batch say what /predict says of the same images, with every option."""

import json
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest

from api.settings import ApiSettings
from tests.api.pictures import png
from tests.api.predicting import running_classifier
from tests.api.problems import problem_in
from tests.api.published import publish_exported
from tests.api.serving import running_service
from worker.redis_server.connection import connect
from worker.registry.model_registry import ModelRegistry

Json = dict[str, Any]
IMAGES = {f"{seed}.png": png(seed) for seed in range(6)}
COMPARED = ("label", "abstained", "label_set")


def zipped() -> bytes:
    file = BytesIO()
    with ZipFile(file, "w") as archive:
        for name, data in IMAGES.items():
            archive.writestr(name, data)
    return file.getvalue()


def test_the_rows_are_the_answers_of_predict_with_the_same_options() -> None:
    with running_service() as service:
        service.publish("sure", make=publish_exported, horizontal_flip=True)
        with connect(service.redis_url) as redis:
            ModelRegistry(redis).set_alias("sure", "strict", 1, None, min_scores={"*": 0.5, "class-0": 1})
        settings = ApiSettings(redis_url=service.redis_url, storage=service.storage_url)
        files = [("files", (name, data)) for name, data in IMAGES.items()]
        asked: list[Json] = [
            {"tta": True, "top_k": 2},
            {"coverage": 0.9},
            {"coverage": 0.9, "min_score": 0.6},
        ]
        for options in asked:
            params = {"model": "sure@strict", **options}
            batch = service.client.post("/predictions", params=params, content=zipped())
            assert batch.status_code == 202, batch.text
            options["url"] = batch.headers["Location"]
        with running_classifier(settings):
            for options in asked:
                url = options.pop("url")
                ended = service.client.get(f"{url}?wait_s=60", timeout=90).json()
                assert (ended["version"], ended["alias"], ended["min_scores"]) == (
                    1,
                    "strict",
                    {"*": 0.5, "class-0": 1},
                )
                lines = service.client.get(f"{url}/rows").text.splitlines()
                params = {"model": "sure@strict", **options}
                answers = service.client.post("/predict", params=params, files=files).json()["predictions"]
                check(lines, answers)
        params = {"model": "sure", "coverage": 0.99}
        problem_in(
            service.client.post("/predictions", params=params, content=zipped()), 409, "coverage_unavailable"
        )
        params = {"model": "sure", "coverage": 0.9, "tta": True}
        problem_in(
            service.client.post("/predictions", params=params, content=zipped()), 422, "coverage_unavailable"
        )


def check(lines: list[str], answers: list[Json]) -> None:
    rows = [json.loads(line) for line in lines]
    assert [{name: row.get(name) for name in COMPARED} for row in rows] == [
        {name: answer[name] for name in COMPARED} for answer in answers
    ]
    for row, answer in zip(rows, answers, strict=True):
        scores = [[(score["label"], score["score"]) for score in one["scores"]] for one in (row, answer)]
        assert [label for label, _ in scores[0]] == [label for label, _ in scores[1]]
        assert [score for _, score in scores[0]] == pytest.approx([score for _, score in scores[1]], abs=1e-4)
