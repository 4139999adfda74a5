"""The guard admits requests by key, Host and Origin; CORS."""

import socket
from urllib.parse import urlsplit

import httpx
import pytest

from tests.api.problems import problem_in

ALICE = {"Authorization": "Bearer key-of-alice"}
DIGITS = {"dataset": "digits"}


@pytest.mark.parametrize("path", ["/jobs", "/events", "/models", "/workers", "/nothing", "/datasets"])
def test_a_request_without_a_key_is_refused(locked: httpx.Client, path: str) -> None:
    response = locked.get(path)
    problem_in(response, 401, "unauthorized")
    assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "path", ["/healthz", "/readyz", "/", "/docs", "/openapi.json", "/dashboard/js/app.js"]
)
def test_public_paths_need_no_key(locked: httpx.Client, path: str) -> None:
    assert locked.get(path).status_code in {200, 503}


@pytest.mark.parametrize(
    "value", ["Bearer wrong", "Bearer", "Basic key-of-alice", "key-of-alice", "Bearer \xff"]
)
def test_a_wrong_key_is_refused(locked: httpx.Client, value: str) -> None:
    response = locked.get("/jobs", headers=[(b"Authorization", value.encode("latin-1"))])
    problem_in(response, 401, "unauthorized")


def test_a_job_is_created_by_the_owner_of_the_key(locked: httpx.Client) -> None:
    assert locked.post("/jobs", json=DIGITS, headers=ALICE).json()["created_by"] == "alice"
    app = {"Authorization": "bearer key-of-app"}
    assert locked.post("/jobs", json=DIGITS, headers=app).json()["created_by"] == "app"


def test_two_owners_may_use_the_same_idempotency_key(locked: httpx.Client) -> None:
    ids = [
        locked.post(
            "/jobs", json=DIGITS, headers={"Authorization": f"Bearer key-of-{name}", "Idempotency-Key": "1"}
        ).json()["id"]
        for name in ("alice", "app")
    ]
    assert len(set(ids)) == 2


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "", "localhost.evil:80", "[::2]", "a b"]
)
def test_without_keys_a_foreign_host_name_is_refused(client: httpx.Client, host: str) -> None:
    problem_in(client.get("/jobs", headers={"Host": host}), 403, "host_not_allowed")


@pytest.mark.parametrize("host", ["localhost", "localhost:99", "127.0.0.1:8000", "[::1]:8000", "LOCALHOST"])
def test_without_keys_local_host_names_with_any_port_are_admitted(client: httpx.Client, host: str) -> None:
    assert client.get("/jobs", headers={"Host": host}).status_code == 200


def test_without_keys_pages_of_foreign_origins_are_refused(client: httpx.Client, url: str) -> None:
    for origin in ("https://evil.example", "null", "http://127.0.0.1:1", "http://localhost.evil"):
        problem_in(client.get("/jobs", headers={"Origin": origin}), 403, "origin_not_allowed")
    assert client.post("/jobs", json=DIGITS, headers={"Origin": url}).status_code == 202


def test_cors_headers_are_sent_to_listed_origins_only_also_on_errors(locked: httpx.Client) -> None:
    lab = {"Origin": "https://lab.example"}
    preflight = {
        **lab,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    assert locked.options("/jobs", headers=preflight).status_code == 200
    refused = locked.get("/jobs", headers=lab)
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, lab["Origin"])
    evil = locked.get("/jobs", headers={**ALICE, "Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in evil.headers


def test_several_host_headers_are_refused(url: str, redis_url: str) -> None:
    address = urlsplit(url)
    with socket.create_connection((str(address.hostname), address.port or 80), timeout=20) as connection:
        connection.sendall(b"GET /jobs HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n")
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 400 ")


def test_a_browser_says_where_a_request_comes_from_also_behind_a_proxy(locked: httpx.Client) -> None:
    locked.post("/session", json={"key": "key-of-alice"})
    # A proxy that rewrites Host: Origin no longer matches it, but the browser says that the page is of this service.
    behind = {"Origin": "https://train.example", "Sec-Fetch-Site": "same-origin"}
    assert locked.post("/jobs", json=DIGITS, headers=behind).status_code == 202
    for site in ("cross-site", "same-site", "nonsense"):
        foreign = {"Origin": str(locked.base_url).rstrip("/"), "Sec-Fetch-Site": site}
        problem_in(locked.post("/jobs", json=DIGITS, headers=foreign), 403, "origin_not_allowed")


def test_without_keys_a_foreign_page_changes_nothing_but_may_link_here(client: httpx.Client) -> None:
    foreign = {"Sec-Fetch-Site": "cross-site"}
    problem_in(client.post("/jobs", json=DIGITS, headers=foreign), 403, "origin_not_allowed")
    assert client.get("/", headers=foreign).status_code == 200
