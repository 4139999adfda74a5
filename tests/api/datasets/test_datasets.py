"""/datasets over real HTTP with the real import process."""

import gzip
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest
import redis

from api.settings import ApiSettings
from model.data.built_in import BUILT_IN
from model.storage.opening import open_storage
from tests.api.importing import running_importer
from tests.api.pictures import png
from tests.api.problems import problem_in
from tests.api.serving import running_api
from tests.api.zips import leftovers, zipped
from tests.ninefold.processes import eventually
from tests.worker.worker_context import fixture_command
from worker.kinds.dataset_import.settlement import ImportSettlement
from worker.queue.store import JobStore
from worker.redis_server import keys as redis_keys
from worker.redis_server.connection import connect


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
    eventually(lambda: not leftovers(settings), 20, "the upload was deleted")


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
    assert len(stored_keys(settings)) == len(before) + 2


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
    eventually(lambda: not leftovers(settings), 20, "the upload was deleted")


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


def test_an_import_ends_without_the_client(
    client: httpx.Client, url: str, settings: ApiSettings, importer: None
) -> None:
    address, data = urlsplit(url), zipped()
    with socket.create_connection((str(address.hostname), address.port or 80)) as connection:
        head = f"POST /datasets?name=pets HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(data)}\r\n\r\n"
        connection.sendall(head.encode() + data)
        eventually(lambda: client.get("/datasets/pets").is_success, 20, "the import was accepted")
    eventually(lambda: client.get("/datasets/pets").json()["status"] == "ready", 30, "the dataset is ready")
    eventually(lambda: not leftovers(settings), 20, "the upload was deleted")


def test_the_upload_of_a_client_that_disconnects_leaves_no_file(
    client: httpx.Client, url: str, settings: ApiSettings
) -> None:
    address = urlsplit(url)
    with socket.create_connection((str(address.hostname), address.port or 80)) as connection:
        connection.sendall(
            b"POST /datasets?name=x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999\r\n\r\n"
        )
        connection.sendall(b"PK\x03\x04" + b"\0" * 2_000_000)
        eventually(lambda: leftovers(settings), 20, "the upload has begun")
    eventually(lambda: not leftovers(settings), 20, "the upload has ended")
    assert client.get("/healthz").status_code == 200


def test_a_job_on_a_processing_dataset_waits_for_it(client: httpx.Client, settings: ApiSettings) -> None:
    accepted = client.post("/datasets?name=pets", content=zipped())
    assert accepted.status_code == 202
    processing = accepted.json()
    assert (processing["status"], processing["classes"]) == ("processing", None)
    problem_in(client.post("/jobs?dry_run=true", json={"dataset": "pets"}), 409, "dataset_processing")
    waiting = [client.post("/jobs", json={"dataset": ref}).json() for ref in ("pets", processing["id"])]
    for job in waiting:
        assert (job["status"], job["queued_reason"], job["queue_position"]) == (
            "queued",
            "waiting_for_dataset",
            None,
        )
        assert job["spec"]["epochs"] is None
    cancelled = client.post("/jobs", json={"dataset": "pets"}).json()["id"]
    assert client.post(f"/jobs/{cancelled}/cancel").json()["status"] == "cancelled"
    paused = client.post("/jobs", json={"dataset": "pets"}).json()["id"]
    assert client.post(f"/jobs/{paused}/pause").json()["status"] == "paused"
    for query in ("", "?dataset=pets", f"?dataset={processing['id']}"):
        assert len(client.get(f"/jobs{query}").json()["data"]) == 4

    with running_importer(settings):
        eventually(lambda: client.get("/datasets/pets").json()["status"] == "ready", 30, "it is ready")
        ready = client.get(f"/datasets/{processing['id']}").json()
        eventually(
            lambda: client.get(f"/jobs/{waiting[0]['id']}").json()["queued_reason"] == "no_worker",
            20,
            "the job waits for a worker",
        )
    job = client.get(f"/jobs/{waiting[0]['id']}").json()
    assert (job["spec"]["dataset"], job["queue_position"]) == (ready["id"], 1)
    assert job["spec"]["epochs"] > 0
    assert job["recipe"]["name"] == job["spec"]["recipe"]
    for ref in ("pets", processing["id"], ready["id"]):
        listed = client.get("/jobs", params={"dataset": ref}).json()["data"]
        assert waiting[0]["id"] in {one["id"] for one in listed}
    assert client.get(f"/jobs/{cancelled}").json()["status"] == "cancelled"
    assert client.post(f"/jobs/{paused}/resume").json()["queue_position"] == 3


def test_a_job_fails_when_its_dataset_is_rejected(client: httpx.Client, settings: ApiSettings) -> None:
    client.post("/datasets?name=pets", content=zipped(1, ("only",)))
    job_id = client.post("/jobs", json={"dataset": "pets"}).json()["id"]
    with running_importer(settings):
        eventually(
            lambda: client.get(f"/jobs/{job_id}").json()["status"] == "failed", 30, "the job has failed"
        )
    assert client.get(f"/jobs/{job_id}").json()["error"]["code"] == "dataset_rejected"


def test_an_import_is_cancelled_and_its_name_is_free_again(
    client: httpx.Client, settings: ApiSettings
) -> None:
    processing = client.post("/datasets?name=pets", content=zipped()).json()
    problem_in(client.post("/datasets?name=pets", content=zipped(8)), 409, "dataset_name_taken")
    again = client.post("/datasets?name=pets", content=zipped()).json()
    assert again["id"] == processing["id"]
    job_id = client.post("/jobs", json={"dataset": "pets"}).json()["id"]
    assert client.delete(f"/datasets/{processing['id']}").json()["status"] == "cancelled"
    problem_in(client.get("/datasets/pets"), 404, "dataset_not_found")
    assert client.post("/datasets?name=pets", content=zipped(8)).status_code == 202
    with running_importer(settings):
        eventually(lambda: client.get("/datasets/pets").json()["images"] == 16, 30, "the dataset is ready")
    problem_in(client.delete("/datasets/pets"), 409, "dataset_ready")
    problem_in(client.delete("/datasets/digits"), 409, "dataset_ready")
    ImportSettlement(JobStore(connect(settings.redis_url)), settings.storage).settle_all()
    assert client.get(f"/jobs/{job_id}").json()["error"]["code"] == "dataset_rejected"
    assert leftovers(settings) == []


@pytest.mark.parametrize("end", ["rejected", "cancelled"])
def test_an_import_without_a_dataset_is_removed_from_the_list(
    client: httpx.Client, settings: ApiSettings, redis_client: redis.Redis, end: str
) -> None:
    processing = client.post("/datasets?name=pets", content=zipped(1, ("only",))).json()
    job_id = client.post("/jobs", json={"dataset": "pets"}).json()["id"]
    path = f"/datasets/{processing['id']}"
    if end == "cancelled":  # nothing settles this import before it is removed
        assert client.delete(path).json()["status"] == end
    else:
        with running_importer(settings):
            eventually(lambda: client.get(path).json()["status"] == end, 30, "it is rejected")
    removed = client.delete(path)
    assert (removed.status_code, removed.content) == (204, b"")
    assert [one["name"] for one in client.get("/datasets?limit=100").json()["data"]] == list(BUILT_IN)
    for method, address in (("GET", path), ("GET", f"{path}/events"), ("DELETE", path)):
        problem_in(client.request(method, address), 404, "dataset_not_found")
    assert client.post("/jobs", json={"dataset": processing["id"]}).status_code == 422

    ImportSettlement(JobStore(redis_client), settings.storage).settle_all()
    assert client.get(f"/jobs/{job_id}").json()["error"]["code"] == "dataset_rejected"
    assert leftovers(settings) == []
    assert not redis_client.exists(redis_keys.ITEM + processing["id"], redis_keys.EVENTS + processing["id"])


def test_the_events_of_an_import_are_streamed(client: httpx.Client, importer: None) -> None:
    processing = client.post("/datasets?name=pets", content=zipped()).json()
    with client.stream("GET", f"/datasets/{processing['id']}/events") as stream:
        lines = list(stream.iter_lines())
    kinds = [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]
    assert kinds[0] == "snapshot"
    assert kinds[-1] == "end"
    if "state" in kinds:  # not when the import ended before the stream began
        assert {"progress", "dataset"} <= set(kinds)
    again = client.get(f"/datasets/{processing['id']}/events").text
    assert {"event: state", "event: dataset", "event: end"} <= set(again.splitlines())
    past = client.get("/datasets/pets/events").text
    assert past.startswith("event: snapshot")
    assert "event: end" in past


@pytest.mark.parametrize(
    ("failure", "code"), [("raise_error", "internal_error"), ("die", "crashed_repeatedly")]
)
def test_an_import_that_fails_by_itself_is_no_fault_of_the_caller(
    client: httpx.Client, settings: ApiSettings, failure: str, code: str
) -> None:
    with running_importer(settings, fixture_command("failing_importer", failure)):
        response = client.post("/datasets?name=pets&wait_s=60", content=zipped())
    problem_in(response, 500, code)
