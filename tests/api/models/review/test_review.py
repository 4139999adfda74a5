"""Once round the loop: an uncertain answer is kept, a person corrects it, the next dataset version has it, a gated job trains."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL.PngImagePlugin import PngInfo
from typer.testing import CliRunner

from api.settings import ApiSettings
from model.artifact.manifest import DatasetReference, model_key
from model.storage.opening import open_storage
from ninefold import Client
from ninefold.cli.app import app
from tests.api.importing import running_importer
from tests.api.pictures import encoded, picture, png
from tests.api.problems import problem_in
from tests.api.published import publish_model
from tests.api.serving import Service, running_service
from tests.api.zips import zipped
from tests.worker.processes import wait_until
from worker.queue.ids import new_import_id
from worker.redis_server.connection import connect
from worker.registry.model_registry import ModelRegistry
from worker.registry.review.records import VersionPlan

REVIEW, IMAGES = "/models/pets/review", "/models/pets/review/images"


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with running_service() as service:
        yield service


@pytest.fixture(scope="module")
def dataset(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """A dataset with cats and dogs, and a light worker that makes further versions of it."""
    settings = ApiSettings(
        redis_url=service.redis_url,
        storage=service.storage_url,
        cache_dir=tmp_path_factory.mktemp("cache"),
        runtime_dir=Path("/tmp/nf-no-predictor"),  # noqa: S108  # no predictor listens there
    )
    with running_importer(settings):
        answer = service.client.post("/datasets?name=pets&wait_s=60", content=zipped())
        assert answer.status_code == 201, answer.text
        yield answer.json()


@pytest.fixture(scope="module")
def model(service: Service, dataset: dict[str, Any]) -> str:
    """Put a model that was trained on the dataset into production; return its id."""
    storage = open_storage(service.storage_url)
    bare = publish_model(storage, name="pets", classes=2)
    reference = DatasetReference(id=dataset["id"], name="pets", content_hash=dataset["content_hash"])
    manifest = bare.model_copy(update={"dataset": reference, "classes": ["cat", "dog"]})
    key = model_key(bare.id, "manifest.json")
    storage.delete(key)
    storage.put_bytes(key, manifest.model_dump_json().encode())
    with connect(service.redis_url) as client:
        registry = ModelRegistry(client)
        registry.register(manifest.model_dump_json())
        registry.set_alias("pets", "production", 1, None)
    return bare.id


def review(service: Service) -> dict[str, Any]:
    found: dict[str, Any] = service.client.get(REVIEW).json()
    return found


def listed(service: Service, **query: str) -> list[dict[str, Any]]:
    page: list[dict[str, Any]] = service.client.get(IMAGES, params=query).json()["data"]
    return page


def predict(service: Service, number: int) -> None:
    """Classify a photo that says where it was taken."""
    place = PngInfo()
    place.add_text("Comment", "52.5163 N, 13.3777 E")
    photo = encoded(picture(number), pnginfo=place)
    answer = service.client.post("/predict", params={"model": "pets"}, content=photo)
    assert answer.status_code == 200, answer.text


def test_nothing_is_kept_before_it_is_turned_on(service: Service, model: str) -> None:
    assert review(service)["settings"] is None
    problem_in(service.client.get("/models/unknown/review"), 404, "model_not_found")
    problem_in(service.client.post(f"{REVIEW}/dataset", json={}), 404, "review_off")
    problem_in(service.client.put("/models/unknown/review", json={}), 404, "model_not_found")
    problem_in(service.client.put(REVIEW, json={"below": 1.5}), 422, "invalid_request")
    predict(service, 9)  # the service now remembers that there is no review


def test_once_round_the_loop(service: Service, dataset: dict[str, Any], model: str) -> None:
    settings = service.client.put(REVIEW, json={"below": 1.0}).json()["settings"]
    assert settings == {"below": 1.0, "fraction": 1.0, "max_images": 1000, "max_days": 30.0}

    for number in (0, 1, 2, 0):
        predict(service, number)
    wait_until(lambda: review(service)["waiting"] == 3)  # the same image is kept once
    assert len(listed(service, limit="2")) == 2
    images = listed(service)
    assert {image["model"] for image in images} == {model}
    answers = [service.client.get(image["image"]) for image in images]
    assert {answer.headers["Content-Type"] for answer in answers} == {"image/png"}
    assert {answer.headers["X-Content-Type-Options"] for answer in answers} == {"nosniff"}
    files = [answer.content for answer in answers]
    assert sorted(files) == sorted(png(number) for number in range(3))

    first, second, third = images
    address = f"{IMAGES}/{first['id']}"
    problem_in(service.client.post(address, json={"label": "horse"}), 422, "invalid_request")
    assert service.client.post(address, json={"label": "cat"}).json()["given"] == "cat"
    assert service.client.post(f"{IMAGES}/{second['id']}", json={"label": "dog"}).json()["given_by"]
    assert service.client.post(f"{IMAGES}/{third['id']}", json={"label": None}).status_code == 204
    problem_in(service.client.get(third["image"]), 404, "image_not_found")
    assert [image["id"] for image in listed(service, state="labelled")] == [first["id"], second["id"]]

    key = {"Idempotency-Key": "once"}
    made = service.client.post(f"{REVIEW}/dataset", json={"train": True, "note": "week 31"}, headers=key)
    assert made.status_code == 202, made.text
    again = service.client.post(f"{REVIEW}/dataset", json={})
    version = service.client.get(f"/datasets/{made.json()['dataset']}", params={"wait_s": 60}).json()
    assert (version["status"], version["name"], version["note"]) == ("ready", "pets", "week 31"), version
    assert (version["version"], version["parent"]) == (2, dataset["id"])
    assert version["test_counts"] == dataset["test_counts"]
    assert sum(version["train_counts"]) == sum(dataset["train_counts"]) + 2
    if again.status_code == 202:  # the version was not ready yet
        assert again.json()["job"] == made.json()["job"]

    wait_until(lambda: review(service)["used"] == 2)
    assert (review(service)["taken"], review(service)["labelled"], review(service)["image_bytes"]) == (
        0,
        0,
        0,
    )
    wait_until(lambda: open_storage(service.storage_url).list("reviews/") == [])
    job_address = f"/jobs/{made.json()['job']}"
    wait_until(lambda: service.client.get(job_address).json()["spec"]["dataset"] == version["id"])
    job = service.client.get(job_address).json()
    assert job["spec"]["name"] == "pets"
    assert (job["spec"]["promote"], job["spec"]["image_size"]) == ("if_better", 16)
    problem_in(service.client.post(f"{REVIEW}/dataset", json={"train": True}), 409, "nothing_labelled")
    repeated = service.client.post(f"{REVIEW}/dataset", json={"train": True, "note": "week 31"}, headers=key)
    assert repeated.json() == made.json()
    other = service.client.post(f"{REVIEW}/dataset", json={"train": False}, headers=key)
    problem_in(other, 422, "idempotency_mismatch")

    for number in range(3):  # what was thrown away or used does not come again
        predict(service, number)
    predict(service, 3)
    wait_until(lambda: review(service)["waiting"] > 0)
    assert review(service)["waiting"] == 1


def test_a_request_that_was_interrupted_is_completed_by_the_next_one(
    service: Service, dataset: dict[str, Any], model: str
) -> None:
    """As when the API is killed after it noted the plan, and again before it queued the job."""
    (image,) = listed(service)
    service.client.post(f"{IMAGES}/{image['id']}", json={"label": "cat"})
    plan = VersionPlan(
        import_id=new_import_id(),
        parent=dataset["id"],
        name="pets",
        model=model,
        note=None,
        by="anonymous",
        train=True,
        key=None,
    )
    with connect(service.redis_url) as client:
        ModelRegistry(client).take_labelled("pets", plan)
    assert review(service)["making"]["dataset"] == plan.import_id
    problem_in(service.client.post(f"{IMAGES}/{image['id']}", json={"label": "dog"}), 409, "image_taken")
    made = service.client.post(f"{REVIEW}/dataset", json={}).json()
    assert (made["dataset"], made["images"]) == (plan.import_id, 1)
    wait_until(lambda: review(service)["made"]["dataset"] == plan.import_id)
    assert review(service)["made"]["job"] == made["job"]

    with connect(service.redis_url) as client:  # the job was queued, but that was not noted
        client.hdel("ninefold:review:pets", "job")
    again = service.client.post(f"{REVIEW}/dataset", json={"train": True}).json()
    assert again == made
    problem_in(service.client.post(f"{REVIEW}/dataset", json={"train": True}), 409, "nothing_labelled")
    predict(service, 4)
    wait_until(lambda: review(service)["waiting"] > 0)


def test_turned_off_nothing_is_left(service: Service, model: str) -> None:
    assert open_storage(service.storage_url).list("reviews/")
    assert service.client.delete(REVIEW).status_code == 204
    problem_in(service.client.get(IMAGES), 404, "review_off")
    assert open_storage(service.storage_url).list("reviews/") == []


def test_the_command_line_and_the_client_do_the_same(service: Service, model: str, tmp_path: Path) -> None:
    url = str(service.client.base_url)

    def run(*arguments: str, code: int = 0) -> str:
        done = CliRunner().invoke(app, ["models", "review", "pets", "--url", url, *arguments])
        assert done.exit_code == code, done.output
        return done.output

    assert "no answers are kept" in run()
    assert "answers below 0.999 are kept" in run("--on", "--below", "0.999")

    def kept() -> bool:
        predict(service, 5)
        time.sleep(0.2)
        return bool(review(service)["waiting"])

    wait_until(kept)
    line = run("--images", "5", "--save", str(tmp_path / "out")).splitlines()[1]
    image_id = line.split()[0]
    assert (tmp_path / "out" / f"{image_id}.png").read_bytes() == png(5)
    assert "1 labelled" in run("--label", f"{image_id}=dog")
    made = json.loads(run("--make", "--note", "by hand", "--json"))
    assert (made["object"], made["name"], made["job"], made["images"]) == ("review_dataset", "pets", None, 1)
    run("--off")
    with Client(url) as client:
        assert client.review("pets")["settings"] is None
