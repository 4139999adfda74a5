"""Uploads in parts, by the tus protocol: over plain HTTP, and with a client that others wrote."""

import io
import os
import socket
import threading
import time
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import redis
from tusclient.client import TusClient

from api.settings import ApiSettings
from model.storage.opening import open_storage
from tests.api.importing import running_importer
from tests.api.problems import problem_in
from tests.api.serving import running_api
from tests.api.zips import zipped
from tests.ninefold.processes import eventually
from tests.s3_server import BUCKET, running_s3

TUS = {"Tus-Resumable": "1.0.0"}
PART = {**TUS, "Content-Type": "application/offset+octet-stream"}


def metadata(**values: str) -> str:
    return ",".join(f"{key} {b64encode(value.encode()).decode()}" for key, value in values.items())


def begin(client: httpx.Client, length: int | None, name: str = "pets", **options: str) -> str:
    said = {"Upload-Defer-Length": "1"} if length is None else {"Upload-Length": str(length)}
    headers = {**TUS, **said, "Upload-Metadata": metadata(name=name, **options)}
    answer = client.post("/uploads", headers=headers)
    assert answer.status_code == 201, answer.text
    assert answer.json()["offset"] == 0
    return answer.headers["location"]


def send(client: httpx.Client, url: str, offset: int, data: bytes, **headers: str) -> httpx.Response:
    return client.patch(url, content=data, headers={**PART, "Upload-Offset": str(offset), **headers})


def offset_of(client: httpx.Client, url: str) -> int:
    return int(client.head(url, headers=TUS).headers["upload-offset"])


def stored(settings: ApiSettings) -> list[Path]:
    root = Path(urlsplit(settings.storage).path)
    # os.walk passes over folders that are deleted meanwhile.
    return sorted(
        Path(folder, file)
        for kept in ("uploads", ".tmp")
        for folder, _, files in os.walk(root / kept)
        for file in files
    )


def test_an_upload_in_parts_becomes_the_dataset_that_a_whole_one_becomes(
    client: httpx.Client, settings: ApiSettings, importer: None
) -> None:
    data = zipped()
    url = begin(client, len(data), min_images="2")
    middle = len(data) // 2
    answer = send(client, url, 0, data[:middle])
    assert (answer.status_code, answer.headers["upload-offset"]) == (204, str(middle))
    assert "location" not in answer.headers
    assert offset_of(client, url) == middle
    answer = send(client, url, middle, data[middle:])
    assert answer.status_code == 204
    dataset = client.get(answer.headers["location"], params={"wait_s": 60}).json()
    assert (dataset["status"], dataset["name"], dataset["images"]) == ("ready", "pets", 12)
    assert client.get(url).json()["dataset_id"] == answer.headers["location"].rpartition("/")[2]
    whole = client.post("/datasets?name=whole&wait_s=60", content=data).json()
    assert whole["id"] == dataset["id"]
    eventually(lambda: stored(settings) == [], 60, "the parts are deleted")


def test_the_tus_client_uploads_in_chunks_and_at_once(client: httpx.Client, url: str, importer: None) -> None:
    for chunk_bytes, name in ((1000, "chunks"), (1 << 40, "whole")):
        file = io.BytesIO(zipped(classes=("ant", name)))
        tus = TusClient(f"{url}/uploads")
        tus.uploader(file_stream=file, chunk_size=chunk_bytes, metadata={"name": name}).upload()
        assert client.get(f"/datasets/{name}", params={"wait_s": 60}).json()["images"] == 12


def test_two_processes_take_turns_and_the_parts_lie_in_a_bucket(
    settings: ApiSettings, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = zipped()
    with ExitStack() as stack:
        for variable, value in stack.enter_context(running_s3()).items():
            monkeypatch.setenv(variable, value)
        in_bucket = settings.model_copy(update={"storage": f"s3://{BUCKET}/parts"})
        urls = [stack.enter_context(running_api(in_bucket)) for _ in range(2)]
        one, other = (stack.enter_context(httpx.Client(base_url=url, timeout=30)) for url in urls)
        stack.enter_context(running_importer(in_bucket))
        upload = begin(one, len(data))
        send(one, upload, 0, data[:100])
        send(other, upload, 100, data[100:900])
        assert offset_of(one, upload) == 900
        answer = send(one, upload, 900, data[900:])
        dataset = other.get(answer.headers["location"], params={"wait_s": 60}).json()
        assert (dataset["status"], dataset["images"]) == ("ready", 12)
        bucket = open_storage(in_bucket.storage)
        eventually(lambda: bucket.list("uploads") == [], 60, "the parts are deleted")


def test_of_parts_for_one_place_only_one_counts(client: httpx.Client, settings: ApiSettings) -> None:
    data = zipped()
    url = begin(client, len(data))
    ready = threading.Barrier(6)

    def compete(_: int) -> int:
        ready.wait()
        return send(client, url, 0, data[:500]).status_code

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(compete, range(6))) == [204] + [409] * 5
    assert offset_of(client, url) == 500
    assert [path.stat().st_size for path in stored(settings)] == [500]
    problem_in(send(client, url, 10, data[10:]), 409, "wrong_offset")
    problem_in(send(client, url, 500, data[500:] + b"more"), 409, "wrong_offset")
    assert offset_of(client, url) == 500


def test_what_arrived_of_a_cut_body_counts(client: httpx.Client, url: str, importer: None) -> None:
    data = zipped()
    upload = begin(client, len(data))
    address = urlsplit(url)
    with socket.create_connection((str(address.hostname), address.port or 80)) as connection:
        head = f"PATCH {upload} HTTP/1.1\r\nHost: localhost\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n"
        kind = f"Content-Type: {PART['Content-Type']}\r\nContent-Length: {len(data)}\r\nExpect: 100-continue\r\n\r\n"
        connection.sendall(f"{head}{kind}".encode())
        assert b"100 Continue" in connection.recv(1000)
        connection.sendall(data[:700])
        time.sleep(3)  # uvicorn drops what arrives together with the end of a connection
    eventually(lambda: offset_of(client, upload) == 700, 60, "the first bytes count")
    answer = send(client, upload, 700, data[700:])
    assert client.get(answer.headers["location"], params={"wait_s": 60}).json()["images"] == 12


def test_the_length_may_be_said_with_the_last_part_or_after_it(client: httpx.Client) -> None:
    data = zipped()
    for name, last in (("with", data[300:]), ("after", b"")):
        url = begin(client, None, name=name)
        assert client.head(url).headers["upload-defer-length"] == "1"
        send(client, url, 0, data[:300])
        at = 300
        if not last:
            send(client, url, 300, data[300:])
            at = len(data)
        answer = send(client, url, at, last, **{"Upload-Length": str(len(data))})
        assert answer.headers["location"].startswith("/datasets/imp_")


def test_an_upload_can_be_ended(client: httpx.Client, settings: ApiSettings) -> None:
    url = begin(client, 5000)
    send(client, url, 0, zipped()[:400])
    assert client.delete(url, headers=TUS).status_code == 204
    assert stored(settings) == []
    problem_in(client.get(url), 404, "upload_not_found")
    problem_in(send(client, url, 400, b"x"), 404, "upload_not_found")
    problem_in(client.delete(url, headers=TUS), 404, "upload_not_found")


def test_an_upload_expires(client: httpx.Client, redis_client: redis.Redis) -> None:
    url = begin(client, 5000)
    assert "GMT" in client.head(url).headers["upload-expires"]
    ages = [redis_client.ttl(key) for key in redis_client.scan_iter("ninefold:upload*")]
    assert ages
    assert all(0 < age < 24 * 3600 for age in ages)  # gc deletes parts that are a day old


def test_the_same_key_begins_one_upload(client: httpx.Client) -> None:
    headers = {**TUS, "Upload-Length": "9", "Upload-Metadata": metadata(name="a"), "Idempotency-Key": "k"}
    first, again = (client.post("/uploads", headers=headers) for _ in range(2))
    assert first.headers["location"] == again.headers["location"]
    other = client.post("/uploads", headers={**headers, "Upload-Length": "10"})
    problem_in(other, 422, "idempotency_mismatch")


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Tus-Resumable": "0.2.2"}, 412, "unsupported_tus_version"),
        ({"Upload-Length": "0"}, 422, "empty_upload"),
        ({"Upload-Length": str(1 << 45)}, 413, "body_too_large"),
        ({"Upload-Length": "-1"}, 422, "invalid_request"),
        ({"Upload-Length": "\u0661"}, 422, "invalid_request"),
        ({"Upload-Defer-Length": "1"}, 422, "invalid_request"),
        ({"Upload-Metadata": ""}, 422, "invalid_request"),
        ({"Upload-Metadata": "name !!"}, 422, "invalid_request"),
        ({"Upload-Metadata": metadata(name="Not A Name")}, 422, "invalid_request"),
        ({"Upload-Metadata": metadata(name="a", label_colum="x")}, 422, "invalid_request"),
        ({"Upload-Metadata": metadata(name="a", min_images="many")}, 422, "invalid_request"),
        ({"Upload-Metadata": metadata(name="digits")}, 409, "dataset_name_taken"),
        ({"Upload-Metadata": metadata(name="a", parent="pets")}, 422, "invalid_request"),
        ({"Upload-Metadata": metadata(name="a", note="of nothing")}, 422, "invalid_request"),
        ({"Upload-Metadata": metadata(parent="pets", note=" ")}, 422, "invalid_request"),
        ({"Upload-Metadata": metadata(parent="nothing")}, 404, "dataset_not_found"),
        ({"Upload-Metadata": metadata(parent="digits")}, 409, "built_in_dataset"),
    ],
)
def test_what_cannot_be_begun_is_refused(
    client: httpx.Client, headers: dict[str, str], status: int, code: str
) -> None:
    usual = {**TUS, "Upload-Length": "10", "Upload-Metadata": metadata(name="a", filename="a.zip")}
    encoded = {name.encode(): value.encode() for name, value in {**usual, **headers}.items()}
    answer = client.post("/uploads", headers=encoded)
    problem_in(answer, status, code)
    assert answer.headers["tus-resumable"] == "1.0.0"


def test_what_is_no_part_is_refused_and_nothing_is_left(client: httpx.Client, settings: ApiSettings) -> None:
    url = begin(client, 1000)
    problem_in(send(client, url, 0, b"GIF89a" * 100), 415, "not_a_zip")
    problem_in(
        send(client, url, 0, b"PK", **{"Content-Type": "application/zip"}), 415, "unsupported_media_type"
    )
    problem_in(client.patch(url, content=b"PK", headers=PART), 422, "invalid_request")
    assert offset_of(client, url) == 0
    assert stored(settings) == []


def test_what_is_spoken_here(client: httpx.Client, settings: ApiSettings) -> None:
    headers = client.options("/uploads").headers
    assert headers["tus-version"] == "1.0.0"
    assert "termination" in headers["tus-extension"].split(",")
    assert int(headers["tus-max-size"]) == settings.max_dataset_bytes


def test_an_upload_needs_a_key_and_a_foreign_page_may_send_parts(locked: httpx.Client) -> None:
    problem_in(locked.options("/uploads"), 401, "unauthorized")
    preflight = {"Origin": "https://lab.example", "Access-Control-Request-Method": "PATCH"}
    allowed = locked.options(
        "/uploads/x", headers={**preflight, "Access-Control-Request-Headers": "upload-offset"}
    )
    assert allowed.status_code == 200
    key = {"Authorization": "Bearer key-of-alice"}
    answer = locked.options("/uploads", headers={**key, "Origin": "https://lab.example"})
    assert "Upload-Offset" in answer.headers["access-control-expose-headers"]


def test_a_complete_upload_whose_import_was_not_queued_is_queued_when_asked_for(
    settings: ApiSettings, redis_url: str, client: httpx.Client
) -> None:
    data = zipped()
    full = settings.model_copy(update={"max_queued_imports": 1})
    with running_api(full) as url, httpx.Client(base_url=url, timeout=30) as other:
        assert other.post("/datasets?name=first", content=zipped(7)).status_code == 202
        upload = begin(other, len(data))
        problem_in(send(other, upload, 0, data), 503, "queue_full")
        assert other.head(upload).status_code == 503
    shown = client.get(upload).json()
    assert (shown["offset"], shown["dataset_id"][:4]) == (len(data), "imp_")
    assert client.get(upload).json() == {**shown, "expires_at": client.get(upload).json()["expires_at"]}


def test_parts_become_the_next_version_of_a_dataset(client: httpx.Client, importer: None) -> None:
    first = client.post("/datasets?name=pets&wait_s=60", content=zipped()).json()
    data = zipped(8)
    said = metadata(parent="pets", note="more of them")
    begun = client.post("/uploads", headers={**TUS, "Upload-Length": str(len(data)), "Upload-Metadata": said})
    url = begun.headers["location"]
    send(client, url, 0, data[:100])
    last = send(client, url, 100, data[100:])
    assert last.status_code == 204, last.text
    made = client.get(last.headers["location"], params={"wait_s": 60}).json()
    assert (made["name"], made["version"], made["parent"], made["note"]) == (
        "pets",
        2,
        first["id"],
        "more of them",
    )
    assert made["images"] > first["images"]
