"""/datasets over real HTTP with the real import process."""

import gzip
from collections.abc import Iterator

import httpx
import pytest

from api.settings import ApiSettings
from model.data.built_in.facts import BUILT_IN
from model.storage.opening import open_storage
from tests.api.pictures import png
from tests.api.problems import problem_in
from tests.api.serving import running_api
from tests.api.zips import leftovers, zipped
from tests.ninefold.processes import eventually


def test_a_zip_becomes_a_dataset_that_jobs_can_use(
    client: httpx.Client, settings: ApiSettings, importer: None
) -> None:
    response = client.post("/datasets?name=pets&wait_s=60", content=zipped())
    assert response.status_code == 201, response.text
    dataset = response.json()
    assert response.headers["location"] == f"/datasets/{dataset['id']}"
    assert (dataset["name"], dataset["status"], dataset["classes"]) == ("pets", "ready", ["cat", "dog"])
    assert sum(dataset["train_counts"]) + sum(dataset["test_counts"]) == dataset["images"] == 12
    assert dataset["created_by"] == "anonymous"
    for ref in ("pets", dataset["id"]):
        assert client.get(f"/datasets/{ref}").json() == dataset
        job = client.post("/jobs", json={"dataset": ref})
        assert (job.status_code, job.json()["name"]) == (202, "pets")
        assert job.json()["spec"]["dataset"] == dataset["id"]
    eventually(lambda: not leftovers(settings), 60, "the upload was deleted")


def test_uploading_the_same_bytes_returns_the_same_dataset(client: httpx.Client, importer: None) -> None:
    first = client.post("/datasets?name=pets&wait_s=60", content=zipped()).json()
    assert client.post("/datasets?name=pets&wait_s=60", content=zipped()).json() == first
    other = client.post("/datasets?name=pets&wait_s=60", content=zipped(7))
    problem_in(other, 409, "dataset_name_taken")
    problem_in(client.post("/datasets?name=digits", content=zipped()), 409, "dataset_name_taken")


def test_the_same_images_under_another_name_are_shown_under_it(client: httpx.Client, importer: None) -> None:
    first = client.post("/datasets?name=pets&wait_s=60", content=zipped()).json()
    second = client.post("/datasets?name=animals&wait_s=60", content=zipped()).json()
    assert (second["id"], second["name"]) == (first["id"], "animals")
    assert second["names"] == ["pets", "animals"]
    assert client.get("/datasets/animals").json() == second
    assert client.get("/datasets/pets").json()["name"] == "pets"
    assert client.post("/jobs", json={"dataset": "animals"}).json()["name"] == "animals"


def test_query_fields_say_where_the_classes_are(client: httpx.Client, importer: None) -> None:
    rows = ["id,kind,place", *(f"{n},{n % 2},{n % 2}" for n in range(6))]
    images = zipped(6, ("photos",), **{"list.csv": "\n".join(rows).encode()})
    unclear = problem_in(client.post("/datasets?name=a&wait_s=60", content=images), 422, "dataset_rejected")
    assert "label_column" in unclear["detail"]
    query: dict[str, str | int] = {
        "name": "pets",
        "wait_s": 60,
        "labels": "list.csv",
        "label_column": "kind",
        "min_images": 2,
    }
    dataset = client.post("/datasets", params=query, content=images).json()
    assert dataset["classes"] == ["0", "1"]
    assert dataset["names"] == ["pets"]
    assert "list.csv" in dataset["warnings"][0]
    for wrong in ("labels=", "min_images=0", "label_column=" + "x" * 201):
        problem_in(client.post(f"/datasets?name=b&{wrong}", content=images), 422, "invalid_request")


def test_lists_include_built_in_datasets(client: httpx.Client, importer: None) -> None:
    client.post("/datasets?name=pets&wait_s=60", content=zipped())
    data = client.get("/datasets").json()["data"]
    assert [dataset["name"] for dataset in data] == ["pets", *BUILT_IN]
    assert client.get("/datasets/digits").json()["is_built_in"]
    seen, after = [], ""
    for _ in range(1 + len(BUILT_IN)):
        page = client.get("/datasets", params={"limit": 1, "after": after}).json()
        seen += [dataset["name"] for dataset in page["data"]]
        after = page["data"][-1]["id"]
    assert (seen, page["has_more"]) == (["pets", *BUILT_IN], False)
    problem_in(client.get("/datasets/nope"), 404, "dataset_not_found")
    problem_in(client.get("/datasets?after=nope"), 404, "dataset_not_found")


def test_jobs_are_filtered_by_the_name_of_their_dataset(client: httpx.Client, importer: None) -> None:
    dataset = client.post("/datasets?name=pets&wait_s=60", content=zipped()).json()
    job_id = client.post("/jobs", json={"dataset": "pets"}).json()["id"]
    for ref in ("pets", dataset["id"]):
        assert [job["id"] for job in client.get(f"/jobs?dataset={ref}").json()["data"]] == [job_id]
    assert client.get("/jobs?dataset=nope").json()["data"] == []


def test_skipped_files_are_listed_with_reasons(client: httpx.Client, importer: None) -> None:
    dataset = client.post(
        "/datasets?name=pets&wait_s=60", content=zipped(9, ("cat", "dog"), **{"cat/notes.txt": b"no image"})
    ).json()
    assert dataset["skipped_count"] == 1
    assert dataset["skipped"][0]["path"] == "cat/notes.txt"
    assert "not an image" in dataset["skipped"][0]["reason"]
    assert client.get("/datasets/pets").json()["skipped"] == dataset["skipped"]


def test_an_image_in_two_classes_is_named_in_the_warnings(client: httpx.Client, importer: None) -> None:
    same = {"cat/same.png": png(90), "dog/same.png": png(90)}
    client.post("/datasets?name=pets&wait_s=60", content=zipped(9, ("cat", "dog"), **same))
    [warning] = client.get("/datasets/pets").json()["warnings"]
    assert "cat/same.png = dog/same.png" in warning
    assert client.get("/datasets/digits").json()["warnings"] == []


def test_bytes_that_were_refused_for_a_taken_name_are_accepted_under_a_new_name(
    client: httpx.Client, importer: None
) -> None:
    client.post("/datasets?name=pets&wait_s=60", content=zipped())
    problem_in(client.post("/datasets?name=pets&wait_s=60", content=zipped(8)), 409, "dataset_name_taken")
    assert client.post("/datasets?name=more-pets&wait_s=60", content=zipped(8)).json()["name"] == "more-pets"


def stored_keys(settings: ApiSettings) -> list[str]:
    return open_storage(settings.storage).list("datasets/")


def test_an_upload_refused_for_its_name_or_idempotency_key_is_not_stored(
    client: httpx.Client, settings: ApiSettings, importer: None
) -> None:
    key = {"Idempotency-Key": "mine"}
    client.post("/datasets?name=pets&wait_s=60", content=zipped(), headers=key)
    before, others = stored_keys(settings), zipped(9, ("ant", "bee"))
    problem_in(client.post("/datasets?name=pets&wait_s=60", content=others), 409, "dataset_name_taken")
    problem_in(
        client.post("/datasets?name=pets&wait_s=60", content=others, headers=key), 422, "idempotency_mismatch"
    )
    assert stored_keys(settings) == before
    assert client.post("/datasets?name=insects&wait_s=60", content=others).status_code == 201
    assert len({key.split("/")[1] for key in set(stored_keys(settings)) - set(before)}) == 1


def test_an_idempotency_key_belongs_to_one_upload(client: httpx.Client, importer: None) -> None:
    key = {"Idempotency-Key": "mine"}
    data = zipped()
    first = client.post("/datasets?name=pets&wait_s=60", content=data, headers=key)
    assert client.post("/datasets?name=pets&wait_s=60", content=data, headers=key).json() == first.json()
    for query, body in (("name=pets", zipped(7)), ("name=others", data)):
        other = client.post(f"/datasets?{query}&wait_s=60", content=body, headers=key)
        problem_in(other, 422, "idempotency_mismatch")
    # A key of a job is another one.
    assert client.post("/jobs", json={"dataset": "pets"}, headers=key).status_code == 202


def with_wrong_checksum(name: str, data: bytes) -> bytes:
    """Change one byte of a file in the zip, so that the file's checksum is wrong."""
    start = data.index(name.encode()) + len(name)
    return data[:start] + bytes([data[start] ^ 1]) + data[start + 1 :]


def test_a_body_that_is_not_a_zip_is_refused(client: httpx.Client, settings: ApiSettings) -> None:
    problem_in(client.post("/datasets?name=pets&wait_s=60", content=png()), 415, "not_a_zip")
    tarred = client.post("/datasets?name=pets", content=gzip.compress(png()))
    assert "zip -r" in problem_in(tarred, 415, "not_a_zip")["detail"]
    problem_in(client.post("/datasets?name=pets&wait_s=60", content=b""), 422, "empty_upload")
    problem_in(client.post("/datasets", content=zipped()), 422, "invalid_request")
    problem_in(client.post("/datasets?name=Bad%20Name", content=zipped()), 422, "invalid_request")
    form = client.post("/datasets?name=pets", files={"file": zipped()})
    assert "--data-binary" in problem_in(form, 415, "unsupported_media_type")["detail"]
    assert leftovers(settings) == []


@pytest.mark.parametrize(
    "data",
    [
        b"PK\x03\x04" + b"\0" * 100,
        zipped()[:-40],
        zipped(1, ("only",)),
        zipped(0, (), **{"../../evil.png": b"x"}),
        with_wrong_checksum("labels.csv", zipped(6, ("cat", "dog"), **{"labels.csv": b"file,label\n"})),
    ],
    ids=["garbage", "truncated", "one class", "traversal", "damaged labels.csv"],
)
def test_a_zip_without_a_valid_dataset_is_rejected(
    client: httpx.Client, data: bytes, settings: ApiSettings, importer: None
) -> None:
    problem = problem_in(client.post("/datasets?name=pets&wait_s=60", content=data), 422, "dataset_rejected")
    assert problem["detail"]
    problem_in(client.get("/datasets/pets"), 404, "dataset_not_found")
    [rejected] = [one for one in client.get("/datasets").json()["data"] if one["status"] == "rejected"]
    assert (rejected["name"], rejected["error"]["code"]) == ("pets", "dataset_rejected")
    assert client.get(f"/datasets/{rejected['id']}").json() == rejected
    eventually(lambda: not leftovers(settings), 60, "the upload was deleted")


@pytest.fixture(scope="module")
def limited(settings: ApiSettings) -> Iterator[httpx.Client]:
    """A client of a service with a small size limit."""
    with (
        running_api(settings.model_copy(update={"max_dataset_bytes": 100_000})) as url,
        httpx.Client(base_url=url, timeout=30) as client,
    ):
        yield client


def test_a_zip_over_the_limit_is_refused_with_and_without_content_length(
    limited: httpx.Client, settings: ApiSettings
) -> None:
    data = b"PK\x03\x04" + b"\0" * 100_001
    problem_in(limited.post("/datasets?name=pets&wait_s=60", content=data), 413, "body_too_large")
    chunks = (data[start : start + 10_000] for start in range(0, len(data), 10_000))
    problem_in(limited.post("/datasets?name=pets&wait_s=60", content=chunks), 413, "body_too_large")
    assert leftovers(settings) == []
