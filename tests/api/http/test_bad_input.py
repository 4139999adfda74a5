"""Every malformed request gets a problem at once, and the service continues."""

import socket
import time
from contextlib import suppress
from urllib.parse import urlsplit

import httpx
import pytest

from tests.api.problems import problem_in

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"dataset":"\\ud800"}',
        b'{"dataset":"\xff\xfe"}',
        b"\x00",
        b'{"dataset":',
        b'{"dataset":"digits","seed":1' + b"0" * 5000 + b"}",
        b"nonsense",
    ],
    ids=lambda body: body[:12].hex(),
)
def test_invalid_json_is_refused(client: httpx.Client, body: bytes) -> None:
    problem_in(client.post("/jobs", content=body, headers=JSON), 422, "invalid_json")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"", "dataset"),
        (b"{}", "dataset"),
        (b"[]", "body"),
        (b"null", "body"),
        (b'{"dataset":"digits","epochs":NaN}', "epochs"),
        (b'{"dataset":"digits","learning_rate":Infinity}', "learning_rate"),
        (b'{"dataset":"digits","learning_rate":-1e999}', "learning_rate"),
        (b'{"dataset":"digits","epochs":0}', "epochs"),
        (b'{"dataset":"digits","epochs":-1}', "epochs"),
        (b'{"dataset":"digits","epochs":1000000000}', "epochs"),
        (b'{"dataset":"digits","epochs":"3"}', "epochs"),
        (b'{"dataset":"digits","epochs":true}', "epochs"),
        (b'{"dataset":"digits","unknown":1}', "unknown"),
        (b'{"dataset":"digits","name":"Not A Name"}', "name"),
        (b'{"dataset":"digits","name":"job_1"}', "name"),
        (b'{"dataset":"digits","tags":["ok",""]}', "tags.1"),
        (b'{"dataset":"a\\u0000b"}', "dataset"),
        (b'{"dataset":"../../etc/passwd"}', "dataset"),
    ],
)
def test_an_invalid_job_spec_is_refused(client: httpx.Client, body: bytes, param: str) -> None:
    response = client.post("/jobs", content=body, headers=JSON)
    assert response.status_code == 422
    assert param in [error["param"] for error in response.json()["errors"]]
    assert "passwd" not in response.text


def test_duplicate_fields_a_byte_order_mark_and_a_charset_are_fine(client: httpx.Client) -> None:
    body = b'\xef\xbb\xbf{"dataset":"nope","dataset":"digits"}'
    headers = {"Content-Type": "application/json; charset=utf-8"}
    assert client.post("/jobs?dry_run=1", content=body, headers=headers).status_code == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_another_content_type_is_refused_with_a_hint(client: httpx.Client, kind: str) -> None:
    response = client.post("/jobs", content=b'{"dataset":"digits"}', headers={"Content-Type": kind})
    assert "curl --json" in problem_in(response, 415, "unsupported_media_type")["detail"]


def test_a_large_body_is_refused_before_it_is_read(client: httpx.Client) -> None:
    body = b'{"dataset":"' + b"x" * 10_000_000 + b'"}'
    began = time.monotonic()
    with suppress(httpx.WriteError):  # the server may close the connection while the client still writes
        problem_in(client.post("/jobs", content=body, headers=JSON), 413, "body_too_large")
    assert time.monotonic() - began < 30


def _send_for(connection: socket.socket, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        connection.sendall(b"10000\r\n" + b"[" * 0x10000 + b"\r\n")
        time.sleep(0.01)


def test_an_endless_body_ends_with_413_and_a_closed_connection(url: str, redis_url: str) -> None:
    address = urlsplit(url)
    with socket.create_connection((str(address.hostname), address.port or 80), timeout=60) as connection:
        connection.sendall(
            b"POST /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            _send_for(connection, 60)


def test_the_client_of_a_chunked_body_over_the_limit_receives_413(url: str, redis_url: str) -> None:
    chunks = (b"[" * 60_000 for _ in range(60))
    with httpx.Client(base_url=url) as client:
        response = client.post("/jobs", content=chunks, headers=JSON)
    problem_in(response, 413, "body_too_large")
    assert response.headers["connection"] == "close"


@pytest.mark.parametrize(
    "job_id",
    [
        "x",
        "job_",
        "job_" + "0" * 500,
        "%00",
        "..%2f..%2fetc",
        "%F0%9F%92%A9",
        "rows:job_00000000000000000000000000",
    ],
)
def test_malformed_ids_are_not_found(client: httpx.Client, job_id: str) -> None:
    paths = [f"/jobs/{job_id}", f"/jobs/{job_id}/metrics", f"/jobs/{job_id}/events", f"/models/{job_id}"]
    paths += [f"/datasets/{job_id}", f"/models/{job_id}/files/manifest.json"]
    for path in paths:
        response = client.get(path)
        assert response.status_code == 404, (path, response.text)
        assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("part", ["%00", "..%2f..%2fetc%2fpasswd", "..", "%2e%2e"])
def test_path_traversal_is_refused(client: httpx.Client, part: str) -> None:
    paths = [
        f"/models/pets/files/{part}",
        f"/models/pets/aliases/{part}",
        f"/models/{part}/aliases/production",
    ]
    for path in paths:
        response = client.get(path)
        assert response.status_code in {404, 422}, (path, response.text)
        assert response.headers["content-type"] == "application/problem+json"
    problem_in(client.post(f"/predict?model={part}", content=b"x"), 404, "model_not_found")


@pytest.mark.parametrize(
    "path",
    [
        "/jobs?limit=-1",
        "/jobs?limit=0",
        "/jobs?limit=101",
        "/jobs?limit=x",
        "/jobs?after=x",
        "/jobs?after=%00",
        "/jobs?status=nope",
        "/jobs/job_00000000000000000000000000?wait_s=-1",
        "/jobs/job_00000000000000000000000000?wait_s=61",
        "/jobs/job_00000000000000000000000000?wait_s=nan",
        "/jobs/job_00000000000000000000000000/logs?tail=-5",
        "/jobs/job_00000000000000000000000000/metrics?after=-1",
        "/models?name=../x",
        "/datasets?limit=-1",
    ],
)
def test_parameters_out_of_range_are_refused(client: httpx.Client, path: str) -> None:
    problem = problem_in(client.get(path), 422, "invalid_request")
    assert problem["errors"][0]["param"] in path


def test_unknown_addresses_and_methods_are_problems(client: httpx.Client) -> None:
    problem_in(client.get("/nothing/here"), 404, "not_found")
    response = client.put("/jobs")
    problem_in(response, 405, "method_not_allowed")
    assert response.headers["allow"]


def test_a_valid_request_id_is_returned_and_an_invalid_one_is_replaced(client: httpx.Client) -> None:
    assert client.get("/healthz", headers={"X-Request-ID": "proxy-1"}).headers["x-request-id"] == "proxy-1"
    assert client.get("/healthz", headers={"X-Request-ID": "a b"}).headers["x-request-id"].startswith("req_")


def test_a_long_idempotency_key_is_refused(client: httpx.Client) -> None:
    headers = {"Idempotency-Key": "k" * 300}
    problem_in(client.post("/jobs", json={"dataset": "digits"}, headers=headers), 422, "invalid_request")


@pytest.mark.parametrize(
    ("path", "param", "hint"),
    [
        ("/jobs?dryrun=true", "dryrun", "did you mean dry_run?"),
        ("/jobs?dry-run=true", "dry-run", "did you mean dry_run?"),
        ("/jobs?DRY_RUN=true", "DRY_RUN", "takes dry_run."),
        ("/jobs?epochs=3", "epochs", "takes dry_run."),
        ("/jobs?dry_run=true&dry_run=false", "dry_run", "give it once"),
        ("/jobs/job_00000000000000000000000000/cancel?now=1", "now", "takes none."),
        ("/datasets?name=photos&wait=60", "wait", "did you mean wait_s?"),
        ("/predict?topk=3", "topk", "did you mean top_k?"),
    ],
)
def test_an_unknown_query_parameter_is_refused_before_anything_happens(
    client: httpx.Client, path: str, param: str, hint: str
) -> None:
    problem = problem_in(client.post(path, json={"dataset": "digits"}), 422, "invalid_request")
    assert [error["param"] for error in problem["errors"]] == [param]
    assert hint in problem["errors"][0]["message"]
    assert hint in problem["detail"]
    assert client.get("/jobs").json()["data"] == []


@pytest.mark.parametrize("path", ["/jobs?state=queued", "/models?nam=x", "/healthz?x=1", "/events?From=now"])
def test_reads_refuse_unknown_query_parameters_too(client: httpx.Client, path: str) -> None:
    problem_in(client.get(path), 422, "invalid_request")


def test_pages_accept_any_query_parameter(client: httpx.Client) -> None:
    for path in ("/?utm_source=mail", "/docs?x=1", "/dashboard/js/app.js?v=2"):
        assert client.get(path).status_code == 200


def test_a_misspelled_field_names_the_nearest(client: httpx.Client) -> None:
    body = {"dataset": "digits", "epcohs": 3, "zzz": 1}
    errors = problem_in(client.post("/jobs", json=body), 422, "invalid_request")["errors"]
    messages = {error["param"]: error["message"] for error in errors}
    assert messages["epcohs"] == "There is no such field: did you mean epochs?"
    assert messages["zzz"] == "There is no such field: leave it out."
