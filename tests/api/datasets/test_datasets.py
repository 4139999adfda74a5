"""/datasets over real HTTP with the real import process."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from PIL import Image

from api.settings import ApiSettings
from model.data.built_in import BUILT_IN
from model.storage.opening import open_storage
from tests.api.pictures import png
from tests.api.problems import problem_in
from tests.api.serving import running_api
from tests.api.zips import leftovers, zipped
from tests.model.pictures import encode
from tests.ninefold.processes import command_line, descendants, eventually


def test_a_zip_becomes_a_dataset_that_jobs_can_use(client: httpx.Client, settings: ApiSettings) -> None:
    response = client.post("/datasets?name=pets", content=zipped())
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
    assert leftovers(settings) == []


def test_uploading_the_same_bytes_returns_the_same_dataset(client: httpx.Client) -> None:
    first = client.post("/datasets?name=pets", content=zipped()).json()
    assert client.post("/datasets?name=pets", content=zipped()).json() == first
    other = client.post("/datasets?name=pets", content=zipped(7))
    problem_in(other, 409, "dataset_name_taken")
    problem_in(client.post("/datasets?name=digits", content=zipped()), 409, "dataset_name_taken")


def test_lists_include_built_in_datasets(client: httpx.Client) -> None:
    client.post("/datasets?name=pets", content=zipped())
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


def test_jobs_are_filtered_by_the_name_of_their_dataset(client: httpx.Client) -> None:
    dataset = client.post("/datasets?name=pets", content=zipped()).json()
    job_id = client.post("/jobs", json={"dataset": "pets"}).json()["id"]
    for ref in ("pets", dataset["id"]):
        assert [job["id"] for job in client.get(f"/jobs?dataset={ref}").json()["data"]] == [job_id]
    assert client.get("/jobs?dataset=nope").json()["data"] == []


def test_skipped_files_are_listed_with_reasons(client: httpx.Client) -> None:
    dataset = client.post(
        "/datasets?name=pets", content=zipped(9, ("cat", "dog"), **{"cat/notes.txt": b"no image"})
    ).json()
    assert dataset["skipped_count"] == 1
    assert dataset["skipped"][0]["path"] == "cat/notes.txt"
    assert "not an image" in dataset["skipped"][0]["reason"]
    assert client.get("/datasets/pets").json()["skipped"] == dataset["skipped"]


def test_bytes_that_were_refused_for_a_taken_name_are_accepted_under_a_new_name(client: httpx.Client) -> None:
    client.post("/datasets?name=pets", content=zipped())
    problem_in(client.post("/datasets?name=pets", content=zipped(8)), 409, "dataset_name_taken")
    assert client.post("/datasets?name=more-pets", content=zipped(8)).json()["name"] == "more-pets"


def stored_keys(settings: ApiSettings) -> list[str]:
    return open_storage(settings.storage).list("datasets/")


def test_an_upload_refused_for_its_name_or_idempotency_key_is_not_stored(
    client: httpx.Client, settings: ApiSettings
) -> None:
    key = {"Idempotency-Key": "mine"}
    client.post("/datasets?name=pets", content=zipped(), headers=key)
    before, others = stored_keys(settings), zipped(9, ("ant", "bee"))
    problem_in(client.post("/datasets?name=pets", content=others), 409, "dataset_name_taken")
    problem_in(client.post("/datasets?name=pets", content=others, headers=key), 422, "idempotency_mismatch")
    assert stored_keys(settings) == before
    assert client.post("/datasets?name=insects", content=others).status_code == 201
    assert len(stored_keys(settings)) == len(before) + 2


def test_an_idempotency_key_of_another_name_is_refused_before_the_body_is_read(client: httpx.Client) -> None:
    key = {"Idempotency-Key": "mine"}
    client.post("/datasets?name=pets", content=zipped(), headers=key)
    problem_in(client.post("/datasets?name=others", content=b"", headers=key), 422, "idempotency_mismatch")


def test_an_idempotency_key_belongs_to_one_upload(client: httpx.Client) -> None:
    key = {"Idempotency-Key": "mine"}
    first = client.post("/datasets?name=pets", content=zipped(), headers=key)
    assert client.post("/datasets?name=pets", content=zipped(), headers=key).json() == first.json()
    for query, body in (("name=pets", zipped(7)), ("name=others", zipped())):
        other = client.post(f"/datasets?{query}", content=body, headers=key)
        problem_in(other, 422, "idempotency_mismatch")
    problem_in(client.post("/jobs", json={"dataset": "pets"}, headers=key), 422, "idempotency_mismatch")


def with_wrong_checksum(name: str, data: bytes) -> bytes:
    """Change one byte of a file in the zip, so that the file's checksum is wrong."""
    start = data.index(name.encode()) + len(name)
    return data[:start] + bytes([data[start] ^ 1]) + data[start + 1 :]


def test_a_body_that_is_not_a_zip_is_refused(client: httpx.Client, settings: ApiSettings) -> None:
    problem_in(client.post("/datasets?name=pets", content=png()), 415, "not_a_zip")
    problem_in(client.post("/datasets?name=pets", content=b""), 422, "empty_upload")
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
def test_a_zip_without_a_valid_dataset_is_rejected(client: httpx.Client, data: bytes) -> None:
    problem = problem_in(client.post("/datasets?name=pets", content=data), 422, "dataset_rejected")
    assert problem["detail"]
    problem_in(client.get("/datasets/pets"), 404, "dataset_not_found")


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
    problem_in(limited.post("/datasets?name=pets", content=data), 413, "body_too_large")
    chunks = (data[start : start + 10_000] for start in range(0, len(data), 10_000))
    problem_in(limited.post("/datasets?name=pets", content=chunks), 413, "body_too_large")
    assert leftovers(settings) == []


def imports_of(process_id: int) -> list[int]:
    return [pid for pid in descendants(process_id) if "import-dataset" in command_line(pid)]


def temporary_files(storage_url: str) -> list[Path]:
    return list(Path(urlsplit(storage_url).path, ".tmp").glob("*"))


def stopped_import(process_id: int, storage_url: str) -> int:
    """Stop the import of an API process by SIGSTOP while it stores files, and return its process id."""
    eventually(lambda: temporary_files(storage_url), 60, "the import has begun to store")
    [importing] = imports_of(process_id)
    os.kill(importing, signal.SIGSTOP)
    return importing


def large_pictures() -> dict[str, bytes]:
    """Make enough large files that storing them takes a while."""
    colours = [(label, (number, len(label), 0)) for label in ("cat", "horse") for number in range(6)]
    return {
        f"{label}/{colour[0]}.bmp": encode(Image.new("RGB", (2000, 2000), colour), "BMP")
        for label, colour in colours
    }


def test_the_import_of_a_client_that_disconnects_ends(
    client: httpx.Client, url: str, settings: ApiSettings
) -> None:
    address, data = urlsplit(url), zipped(0, (), **large_pictures())
    with socket.create_connection((str(address.hostname), address.port or 80)) as connection:
        head = f"POST /datasets?name=x HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(data)}\r\n\r\n"
        connection.sendall(head.encode() + data)
        importing = stopped_import(os.getpid(), settings.storage)
    eventually(lambda: not command_line(importing), 20, "the import has ended")
    eventually(lambda: not leftovers(settings), 20, "no upload is left")
    eventually(lambda: not temporary_files(settings.storage), 20, "no incomplete file is left")
    problem_in(client.get("/datasets/x"), 404, "dataset_not_found")


def test_an_import_ends_with_the_api(redis_url: str, settings: ApiSettings, tmp_path: Path) -> None:
    storage_url = (tmp_path / "storage").as_uri()
    environment = {
        **os.environ,
        "REDIS_URL": redis_url,
        "NINEFOLD_STORAGE": storage_url,
        "NINEFOLD_CACHE_DIR": str(settings.cache_dir),
        "NINEFOLD_PREDICTOR": "unix:/tmp/nf-no-predictor/predictor.sock",
    }
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    api = subprocess.Popen([sys.executable, "-m", "api", "--port", str(port)], env=environment)
    with api:
        eventually(lambda: answers(port), 60, "the API answers")
        upload = threading.Thread(
            target=post_until_connection_breaks, args=(port, zipped(0, (), **large_pictures()))
        )
        upload.start()
        importing = stopped_import(api.pid, storage_url)
        api.kill()
        try:
            eventually(lambda: not command_line(importing), 25, "the import has ended")
        finally:
            with suppress(ProcessLookupError):
                os.kill(importing, signal.SIGKILL)
        upload.join()


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz").is_success
    except httpx.TransportError:
        return False


def post_until_connection_breaks(port: int, data: bytes) -> None:
    with pytest.raises(httpx.TransportError):
        httpx.post(f"http://127.0.0.1:{port}/datasets?name=x", content=data, timeout=60)


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
