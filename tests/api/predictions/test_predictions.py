"""/predictions over real HTTP, with a real classifying process."""

import csv
import json
from collections import Counter
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import httpx
import pytest
import redis
from PIL import Image

from api.settings import ApiSettings
from model.artifact.manifest import Manifest
from model.storage.opening import open_storage
from tests.api.predicting import running_classifier
from tests.api.problems import problem_in
from tests.api.published import publish_model
from tests.worker.kinds.batch_prediction.samples import NO_IMAGE, zip_of_images
from tests.worker.kinds.evaluation.samples import TESTED, make_dataset
from worker.queue.store import JobStore
from worker.registry.model_registry import ModelRegistry

Json = dict[str, Any]
IMAGES = 300


@pytest.fixture
def model(settings: ApiSettings, redis_client: redis.Redis) -> Manifest:
    manifest = publish_model(open_storage(settings.storage))
    ModelRegistry(redis_client).register(manifest.model_dump_json())
    return manifest


def rows_at(client: httpx.Client, url: str, **query: Any) -> list[Json]:
    answer = client.get(f"{url}/rows", params=query)
    assert answer.headers["content-type"].startswith("application/jsonl")
    return [json.loads(line) for line in answer.text.splitlines()]


def test_the_images_of_a_zip_are_classified(
    client: httpx.Client, settings: ApiSettings, model: Manifest
) -> None:
    posted = client.post("/predictions?model=shapes:1&top_k=2&min_score=0.5", content=zip_of_images(IMAGES))
    assert posted.status_code == 202
    url = posted.headers["Location"]
    queued: Json = posted.json()
    assert (queued["object"], queued["status"], queued["model"]) == ("batch_prediction", "queued", model.id)
    problem_in(client.get(f"{url}/rows"), 409, "prediction_not_ready")
    with running_classifier(settings):
        done: Json = client.get(f"{url}?wait_s=60", timeout=90).json()
    assert (done["status"], done["result"]["images"], done["result"]["failed"]) == (
        "succeeded",
        IMAGES + 1,
        1,
    )
    rows = rows_at(client, url)
    assert [row["index"] for row in rows] == list(range(IMAGES + 1))
    assert [row["file"] for row in rows if row["status"] == "error"] == [NO_IMAGE]
    answered = [row for row in rows if row["status"] == "ok"]
    assert all(row["abstained"] == (row["score"] < 0.5) and len(row["scores"]) == 2 for row in answered)
    check_filters(client, url, answered)
    thumbnail = client.get(f"{url}/images/{answered[0]['index']}")
    assert (Image.open(BytesIO(thumbnail.content)).size, thumbnail.headers["content-type"]) == (
        (8, 9),
        "image/webp",
    )
    problem_in(client.get(f"{url}/images/{IMAGES}"), 404, "no_thumbnail")  # the file that is no image
    problem_in(client.get(f"{url}/images/{9 * IMAGES}"), 404, "no_thumbnail")
    assert [one["id"] for one in client.get("/predictions?model=shapes:1").json()["data"]] == [done["id"]]
    with client.stream("GET", done["links"]["events"]) as events:
        assert "event: end" in list(events.iter_lines())
    assert client.delete(url).status_code == 204
    problem_in(client.get(url), 404, "prediction_not_found")
    storage = open_storage(settings.storage)
    assert storage.list("predictions") == storage.list("uploads") == []


def check_filters(client: httpx.Client, url: str, answered: list[Json]) -> None:
    label, middle = answered[0]["label"], sorted(row["score"] for row in answered)[IMAGES // 2]
    assert rows_at(client, url, label=label) == [row for row in answered if row["label"] == label]
    below, above = rows_at(client, url, below=middle), rows_at(client, url, above=middle)
    assert [row for row in answered if row["score"] < middle] == below
    assert [row for row in answered if row["score"] >= middle] == above
    assert rows_at(client, url, after=260, limit=3, status="ok") == [
        row for row in answered if row["index"] in (261, 262, 263)
    ]
    assert rows_at(client, url, after=10_000) == []
    assert rows_at(client, url, abstained=True) == [row for row in answered if row["abstained"]]
    assert rows_at(client, url, label="nothing") == []
    check_order_by_score(client, url, answered)
    counts: Json = client.get(f"{url}/summary", params={"label": label, "below": 0.5}).json()
    expected = [row for row in answered if row["label"] == label]
    assert counts["images"] == counts["abstained"] == sum(row["score"] < 0.5 for row in expected)
    assert counts["labels"] == dict(Counter(row["label"] for row in answered if row["score"] < 0.5))
    for one in counts["scores"]:
        within = [row for row in expected if one["above"] <= row["score"] < (one["below"] or 2)]
        assert one["images"] == len(within)
    assert client.get(f"{url}/summary").json()["failed"] == 1


def check_order_by_score(client: httpx.Client, url: str, answered: list[Json]) -> None:
    by_score = sorted(answered, key=lambda row: (row["score"], row["index"]))
    first = rows_at(client, url, order="lowest", limit=200)
    second = rows_at(client, url, order="lowest", limit=200, after=first[-1]["index"])
    assert [*first, *second][:-1] == by_score
    assert second[-1]["status"] == "error"
    highest = rows_at(client, url, order="highest", limit=7, status="ok")
    assert [row["score"] for row in highest] == [row["score"] for row in by_score[:-8:-1]]
    problem_in(client.get(f"{url}/rows?order=lowest"), 422, "invalid_request")
    problem_in(client.get(f"{url}/rows?order=lowest&limit=5&after={9 * IMAGES}"), 422, "invalid_request")


def test_a_csv_cannot_run_formulas(client: httpx.Client, settings: ApiSettings, model: Manifest) -> None:
    file = BytesIO()
    with ZipFile(file, "w") as archive:
        archive.writestr("=cmd|calc", b"no image")
        archive.writestr("broken.png", b"\x89PNG\r\n\x1a\n\0")
    url = client.post(f"/predictions?model={model.id}", content=file.getvalue()).headers["Location"]
    with running_classifier(settings):
        client.get(f"{url}?wait_s=60", timeout=90)
    answer = client.get(f"{url}/rows?format=csv")
    assert answer.headers["content-type"].startswith("text/csv")
    header, *rows = csv.reader(StringIO(answer.text))
    assert header == ["index", "file", "image", "status", "label", "score", "abstained", "label_set", "error"]
    assert [row[:4] for row in rows] == [["0", "'=cmd|calc", "", "error"], ["1", "broken.png", "", "error"]]
    assert list(csv.reader(StringIO(client.get(f"{url}/rows?format=csv&status=ok").text))) == [header]


def test_a_split_is_classified_and_a_cancel_ends_it(
    client: httpx.Client, settings: ApiSettings, model: Manifest, redis_client: redis.Redis, tmp_path: Path
) -> None:
    storage = open_storage(settings.storage)
    pets = make_dataset(JobStore(redis_client), tmp_path, "class-0", "other", storage=storage)
    body = {"model": "shapes:1", "dataset": "pets", "min_score": 1}
    key = {"Idempotency-Key": "once"}
    first, second = (client.post("/predictions", json=body, headers=key).json()["id"] for _ in range(2))
    assert first == second
    other = client.post("/predictions", json=body | {"split": "all"}, headers=key)
    problem_in(other, 422, "idempotency_mismatch")
    url = f"/predictions/{first}"
    with running_classifier(settings):
        done: Json = client.get(f"{url}?wait_s=60", timeout=90).json()
    assert (done["dataset"], done["split"]) == (pets.id, "test")
    rows = rows_at(client, url)
    assert (len(rows), done["result"]["abstained"]) == (2 * TESTED, 2 * TESTED)
    known = {one["id"] for one in client.get("/datasets/pets/images?split=test").json()["data"]}
    assert {row["image"] for row in rows} == known
    waiting = client.post("/predictions?model=shapes:1", content=zip_of_images(1)).headers["Location"]
    assert client.delete(waiting).json()["status"] == "cancelled"
    assert storage.list("uploads") == []


def test_requests_that_cannot_be_done_are_refused(client: httpx.Client, model: Manifest) -> None:
    zipped = zip_of_images(1)
    assert (
        problem_in(client.post("/predictions", content=zipped), 422, "invalid_request")["errors"][0]["param"]
        == "model"
    )
    problem_in(client.post("/predictions?model=nothing", content=zipped), 404, "model_not_found")
    problem_in(client.post(f"/predictions?model={model.id}", content=b"no zip"), 415, "not_a_zip")
    problem_in(
        client.post("/predictions", json={"model": model.id, "dataset": "none"}), 404, "dataset_not_found"
    )
    problem_in(
        client.post(f"/predictions?model={model.id}", json={"dataset": "digits"}), 422, "invalid_request"
    )
    problem_in(client.get("/predictions/prd_0"), 404, "prediction_not_found")
    problem_in(client.get(f"/predictions/{model.id}"), 404, "prediction_not_found")
