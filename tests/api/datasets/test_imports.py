"""The course of an import over HTTP: it ends without its client, jobs wait for it, it is cancelled, removed, followed."""

import socket
from urllib.parse import urlsplit

import httpx
import pytest
import redis

from api.settings import ApiSettings
from model.data.built_in.facts import BUILT_IN
from tests.api.importing import running_importer
from tests.api.problems import problem_in
from tests.api.zips import leftovers, zipped
from tests.ninefold.processes import eventually
from tests.worker.worker_context import fixture_command
from worker.kinds.dataset_import.settlement import ImportSettlement
from worker.queue.store import JobStore
from worker.redis_server import keys as redis_keys
from worker.redis_server.connection import connect


def test_an_import_ends_without_the_client(
    client: httpx.Client, url: str, settings: ApiSettings, importer: None
) -> None:
    address, data = urlsplit(url), zipped()
    with socket.create_connection((str(address.hostname), address.port or 80)) as connection:
        head = f"POST /datasets?name=pets HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(data)}\r\n\r\n"
        connection.sendall(head.encode() + data)
        eventually(lambda: client.get("/datasets/pets").is_success, 60, "the import was accepted")
    eventually(lambda: client.get("/datasets/pets").json()["status"] == "ready", 60, "the dataset is ready")
    eventually(lambda: not leftovers(settings), 60, "the upload was deleted")


def test_the_upload_of_a_client_that_disconnects_leaves_no_file(
    client: httpx.Client, url: str, settings: ApiSettings
) -> None:
    address = urlsplit(url)
    with socket.create_connection((str(address.hostname), address.port or 80)) as connection:
        connection.sendall(
            b"POST /datasets?name=x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999\r\n\r\n"
        )
        connection.sendall(b"PK\x03\x04" + b"\0" * 2_000_000)
        eventually(lambda: leftovers(settings), 60, "the upload has begun")
    eventually(lambda: not leftovers(settings), 60, "the upload has ended")
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
        eventually(lambda: client.get("/datasets/pets").json()["status"] == "ready", 60, "it is ready")
        ready = client.get(f"/datasets/{processing['id']}").json()
        eventually(
            lambda: client.get(f"/jobs/{waiting[0]['id']}").json()["queued_reason"] == "no_worker",
            60,
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
            lambda: client.get(f"/jobs/{job_id}").json()["status"] == "failed", 60, "the job has failed"
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
        eventually(lambda: client.get("/datasets/pets").json()["images"] == 16, 60, "the dataset is ready")
    problem_in(client.delete("/datasets/digits"), 409, "built_in_dataset")
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
            eventually(lambda: client.get(path).json()["status"] == end, 60, "it is rejected")
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


def test_the_events_of_an_import_are_streamed(client: httpx.Client, settings: ApiSettings) -> None:
    processing = client.post("/datasets?name=pets", content=zipped()).json()
    with client.stream("GET", f"/datasets/{processing['id']}/events") as stream:
        lines = stream.iter_lines()
        assert next(lines) == "event: snapshot"
        with running_importer(settings):
            kinds = [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]
    assert {"state", "progress", "dataset"} <= set(kinds)
    assert kinds[-1] == "end"
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
