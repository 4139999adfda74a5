"""Versions of a dataset over HTTP: corrections, added images, references, deletion."""

import io
import json
import zipfile

import httpx
import pytest
import redis

from api.settings import ApiSettings
from model.storage.opening import open_storage
from tests.api.importing import running_importer
from tests.api.problems import problem_in
from tests.api.zips import leftovers, zipped
from tests.model.pictures import png
from worker.redis_server import keys as redis_keys

UNKNOWN = f"img_{'0' * 24}"


def add_pets(client: httpx.Client, settings: ApiSettings) -> tuple[str, list[str]]:
    """Add a dataset; return its id and the ids of its training images."""
    dataset_id = client.post("/datasets?name=pets&wait_s=60", content=zipped(8)).json()["id"]
    return dataset_id, train_images(settings, dataset_id)


def train_images(settings: ApiSettings, dataset_id: str) -> list[str]:
    with open_storage(settings.storage).as_file(f"datasets/{dataset_id}/images.zip") as path:
        names = zipfile.ZipFile(path).namelist()
    return [f"img_{name.split('/')[2][:24]}" for name in names if name.startswith("train/cat/")]


def correct(client: httpx.Client, ref: str, **body: object) -> httpx.Response:
    return client.post(f"/datasets/{ref}/versions?wait_s=60", json=body)


@pytest.mark.usefixtures("importer")
def test_a_correction_makes_the_next_version_and_leaves_the_first(
    client: httpx.Client, settings: ApiSettings
) -> None:
    first, images = add_pets(client, settings)
    made = correct(client, "pets", relabel=[{"image": images[0], "class": "dog"}], note="a mistake")
    assert made.status_code == 201, made.text
    second = made.json()
    assert (second["version"], second["parent"], second["note"]) == (2, first, "a mistake")
    assert (second["name"], second["names"], second["images"]) == ("pets", ["pets"], 16)
    assert made.headers["location"] == f"/datasets/{second['id']}"
    for ref, dataset_id, version in (
        ("pets", second["id"], 2),
        ("pets@latest", second["id"], 2),
        ("pets@2", second["id"], 2),
        ("pets@1", first, 1),
        (first, first, 1),
        (second["id"], second["id"], 2),
    ):
        found = client.get(f"/datasets/{ref}").json()
        assert (found["id"], found["version"], found["name"]) == (dataset_id, version, "pets"), ref
        plan = client.post("/jobs?dry_run=true", json={"dataset": ref}).json()
        assert (plan["spec"]["dataset"], plan["spec"]["name"]) == (dataset_id, "pets")
    for ref in ("pets@3", "pets@0", "pets@x", "pets@", "cats@1", "digits@2"):
        problem_in(client.get(f"/datasets/{ref}"), 404, "dataset_not_found")
    assert client.get("/datasets/digits@latest").json()["id"] == "digits"
    listed = client.get("/datasets/pets/versions").json()
    assert [(one["version"], one["id"]) for one in listed["data"]] == [(2, second["id"]), (1, first)]
    page = client.get(f"/datasets/pets/versions?limit=1&after={second['id']}").json()
    assert ([one["version"] for one in page["data"]], page["has_more"]) == ([1], False)
    shown = {one["id"]: one["version"] for one in client.get("/datasets").json()["data"]}
    assert (shown[first], shown[second["id"]]) == (1, 2)
    assert leftovers(settings) == []


@pytest.mark.usefixtures("importer")
def test_a_zip_adds_images_and_corrections(client: httpx.Client, settings: ApiSettings) -> None:
    _, images = add_pets(client, settings)
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        archive.writestr("ninefold-corrections.json", json.dumps({"remove": images[:1]}))
        for number in range(4):
            archive.writestr(f"bird/{number}.png", png(900 + number))
    made = client.post(
        "/datasets/pets/versions?wait_s=60&note=birds",
        content=body.getvalue(),
        headers={"Idempotency-Key": "a"},
    )
    assert made.status_code == 201, made.text
    dataset = made.json()
    assert (dataset["classes"], dataset["note"], dataset["version"]) == (["bird", "cat", "dog"], "birds", 2)


@pytest.mark.usefixtures("importer")
def test_a_repeated_request_makes_one_version(client: httpx.Client, settings: ApiSettings) -> None:
    _, images = add_pets(client, settings)
    key = {"Idempotency-Key": "same"}
    body = {"remove": images[:1]}
    answers = [client.post("/datasets/pets@1/versions?wait_s=60", json=body, headers=key) for _ in range(2)]
    assert [answer.json()["version"] for answer in answers] == [2, 2]
    other = client.post("/datasets/pets@1/versions", json={"remove": images[1:2]}, headers=key)
    problem_in(other, 422, "idempotency_mismatch")


def test_two_versions_of_one_parent_at_once_have_two_numbers(
    client: httpx.Client, settings: ApiSettings
) -> None:
    with running_importer(settings):
        first, images = add_pets(client, settings)
    with running_importer(settings), running_importer(settings):
        begun = [
            client.post("/datasets/pets/versions", json={"remove": [image]}).json() for image in images[:2]
        ]
        made = [client.get(f"/datasets/{one['id']}?wait_s=60").json() for one in begun]
    assert [one["status"] for one in made] == ["ready", "ready"]
    assert {one["version"] for one in made} == {2, 3}
    assert [(one["parent"], one["images"]) for one in made] == [(first, 15), (first, 15)]
    assert client.get("/datasets/pets@1").json()["id"] == first
    for one in made:
        assert client.get(f"/datasets/pets@{one['version']}").json()["id"] == one["id"]
    listed = client.get("/datasets/pets/versions").json()["data"]
    assert [one["version"] for one in listed] == [3, 2, 1]
    same = [client.post("/datasets/pets@1/versions", json={"remove": images[4:5]}).json() for _ in range(2)]
    with running_importer(settings), running_importer(settings):
        ends = [client.get(f"/datasets/{one['id']}?wait_s=60").json() for one in same]
    assert sorted(one["status"] for one in ends) == ["ready", "rejected"]
    assert next(one["error"] for one in ends if one["error"])["code"] == "dataset_unchanged"
    assert leftovers(settings) == []


@pytest.mark.usefixtures("importer")
def test_what_cannot_be_corrected_is_refused_with_what_to_do(
    client: httpx.Client, settings: ApiSettings
) -> None:
    _, images = add_pets(client, settings)
    same = [{"image": images[0], "class": "cat"}]
    refused: list[tuple[dict[str, object], int, str]] = [
        ({}, 422, "invalid_request"),
        ({"remove": ["x"]}, 422, "invalid_request"),
        ({"relabel": [{"image": images[0], "class": "../x"}]}, 422, "invalid_request"),
        ({"remove": [UNKNOWN]}, 422, "unknown_image"),
        ({"relabel": same}, 409, "dataset_unchanged"),
        ({"remove": images}, 422, "dataset_rejected"),
    ]
    for body, status, code in refused:
        problem_in(correct(client, "pets", **body), status, code)
    problem_in(correct(client, "digits", remove=[UNKNOWN]), 409, "built_in_dataset")
    problem_in(correct(client, "nothing", remove=[UNKNOWN]), 404, "dataset_not_found")
    problem_in(client.post("/datasets/pets/versions", content=b"x"), 415, "not_a_zip")
    taken = client.post("/datasets?name=pets&wait_s=60", content=zipped(9))
    assert "/datasets/pets/versions" in str(problem_in(taken, 409, "dataset_name_taken")["detail"])
    assert client.get("/datasets/pets").json()["version"] == 1


@pytest.mark.usefixtures("importer")
def test_a_dataset_is_deleted_unless_something_needs_it(
    client: httpx.Client, settings: ApiSettings, redis_client: redis.Redis
) -> None:
    first, images = add_pets(client, settings)
    second = correct(client, "pets", remove=images[:1]).json()["id"]
    job = client.post("/jobs", json={"dataset": "pets@1"}).json()["id"]
    problem = problem_in(client.delete("/datasets/pets@1"), 409, "dataset_in_use")
    assert job in str(problem["detail"])
    client.post(f"/jobs/{job}/cancel")
    assert client.delete("/datasets/pets").status_code == 204
    assert client.get("/datasets/pets").json()["id"] == first
    problem_in(client.get(f"/datasets/{second}"), 404, "dataset_not_found")
    third = correct(client, "pets", remove=images[1:2]).json()
    assert third["version"] == 3
    for ref in ("pets", "pets@1"):
        assert client.delete(f"/datasets/{ref}").status_code == 204
    problem_in(client.get("/datasets/pets"), 404, "dataset_not_found")
    for gone in (first, second, third["id"]):
        assert open_storage(settings.storage).list(f"datasets/{gone}/") == []
    assert client.get(f"/jobs/{job}").json()["spec"]["dataset"] == first
    assert client.post("/jobs", json={"dataset": first}).status_code == 422
    again = client.post("/datasets?name=pets&wait_s=60", content=zipped(8)).json()
    assert (again["id"], again["version"]) == (first, 4)
    assert not redis_client.exists(redis_keys.RETIRED_DATASETS)


def test_a_parent_cannot_be_deleted_while_its_next_version_is_made(
    client: httpx.Client, settings: ApiSettings
) -> None:
    with running_importer(settings):
        first, images = add_pets(client, settings)
    processing = client.post("/datasets/pets/versions", json={"remove": images[:1], "note": "n"}).json()
    assert (processing["status"], processing["parent"], processing["note"]) == ("processing", first, "n")
    assert client.get("/datasets/pets").json()["id"] == first
    assert processing["id"] in str(
        problem_in(client.delete("/datasets/pets"), 409, "dataset_in_use")["detail"]
    )
    problem_in(
        client.post(f"/datasets/{processing['id']}/versions", json={"remove": images}),
        409,
        "dataset_processing",
    )
    assert client.delete(f"/datasets/{processing['id']}").json()["status"] == "cancelled"
    assert client.delete("/datasets/pets").status_code == 204


@pytest.mark.usefixtures("importer")
def test_a_downloaded_dataset_that_is_added_again_is_the_same(
    client: httpx.Client, settings: ApiSettings
) -> None:
    first, _ = add_pets(client, settings)
    answer = client.get("/datasets/pets@1/archive")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    assert 'filename="pets-1.zip"' in answer.headers["content-disposition"]
    assert int(answer.headers["content-length"]) == len(answer.content)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert json.loads(archive.read("croissant.json"))["name"] == "pets"
    again = client.post("/datasets?name=again&wait_s=60", content=answer.content).json()
    assert (again["id"], again["names"]) == (first, ["pets", "again"])
    problem_in(client.get("/datasets/cifar10/archive"), 409, "built_in_dataset")
    problem_in(client.get("/datasets/nothing/archive"), 404, "dataset_not_found")
