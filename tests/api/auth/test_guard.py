"""Who may ask: keys, the cookie, Host and Origin, CORS."""

from collections.abc import Iterator

import httpx
import pytest
from pydantic import SecretStr

from api.settings import ApiSettings
from tests.api.problems import problem_in
from tests.api.serving import running_api

ALICE = {"Authorization": "Bearer key-of-alice"}
DIGITS = {"dataset": "digits"}


@pytest.fixture(scope="module")
def locked_url(settings: ApiSettings) -> Iterator[str]:
    locked = settings.model_copy(
        update={
            "api_keys": SecretStr("alice:key-of-alice,app:key-of-app"),
            "cors_origins": "https://lab.example",
        }
    )
    with running_api(locked) as url:
        yield url


@pytest.fixture
def locked(locked_url: str, redis_url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=locked_url, timeout=30) as client:
        yield client


@pytest.mark.parametrize("path", ["/jobs", "/events", "/models", "/workers", "/nothing", "/datasets"])
def test_without_a_key_nothing_answers(locked: httpx.Client, path: str) -> None:
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
def test_a_wrong_key(locked: httpx.Client, value: str) -> None:
    response = locked.get("/jobs", headers=[(b"Authorization", value.encode("latin-1"))])
    problem_in(response, 401, "unauthorized")


def test_a_key_names_its_owner(locked: httpx.Client) -> None:
    assert locked.post("/jobs", json=DIGITS, headers=ALICE).json()["created_by"] == "alice"
    app = {"Authorization": "bearer key-of-app"}
    assert locked.post("/jobs", json=DIGITS, headers=app).json()["created_by"] == "app"


def test_two_owners_may_use_one_idempotency_key(locked: httpx.Client) -> None:
    ids = [
        locked.post(
            "/jobs", json=DIGITS, headers={"Authorization": f"Bearer key-of-{name}", "Idempotency-Key": "1"}
        ).json()["id"]
        for name in ("alice", "app")
    ]
    assert len(set(ids)) == 2


def test_a_session_opens_and_closes(locked: httpx.Client, locked_url: str) -> None:
    problem_in(locked.post("/session", json={"key": "wrong"}), 401, "unauthorized")
    response = locked.post("/session", json={"key": "key-of-alice"})
    assert response.json()["name"] == "alice"
    cookie = response.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "key-of-alice" not in cookie
    assert locked.get("/jobs").status_code == 200
    same = {"Origin": locked_url}
    assert locked.post("/jobs", json=DIGITS, headers=same).json()["created_by"] == "alice"
    assert locked.delete("/session", headers=same).status_code == 204
    problem_in(locked.get("/jobs"), 401, "unauthorized")


@pytest.mark.parametrize("origin", [{}, {"Origin": "null"}, {"Origin": "https://evil.example"}])
def test_a_cookie_alone_changes_nothing_from_elsewhere(locked: httpx.Client, origin: dict[str, str]) -> None:
    locked.post("/session", json={"key": "key-of-alice"})
    problem_in(locked.post("/jobs", json=DIGITS, headers=origin), 403, "origin_not_allowed")


def test_a_forged_or_expired_cookie_is_no_key(locked: httpx.Client, locked_url: str) -> None:
    locked.post("/session", json={"key": "key-of-alice"})
    (name, value), *_ = locked.cookies.items()
    claim, _, signature = value.rpartition(".")
    for forged in (
        f"app.{claim.partition('.')[2]}.{signature}",
        f"alice.1.{signature}",
        f"{claim}.x",
        "",
        "..",
        "é",
    ):
        cookie = (b"Cookie", f"{name}={forged}".encode())
        problem_in(httpx.get(f"{locked_url}/jobs", headers=[cookie]), 401, "unauthorized")


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "", "localhost.evil:80", "[::2]", "a b"]
)
def test_without_keys_only_local_names_answer(client: httpx.Client, host: str) -> None:
    problem_in(client.get("/jobs", headers={"Host": host}), 403, "host_not_allowed")


@pytest.mark.parametrize("host", ["localhost", "localhost:99", "127.0.0.1:8000", "[::1]:8000", "LOCALHOST"])
def test_local_names_of_any_port_answer(client: httpx.Client, host: str) -> None:
    assert client.get("/jobs", headers={"Host": host}).status_code == 200


def test_without_keys_no_foreign_page_may_ask(client: httpx.Client, url: str) -> None:
    for origin in ("https://evil.example", "null", "http://127.0.0.1:1", "http://localhost.evil"):
        problem_in(client.get("/jobs", headers={"Origin": origin}), 403, "origin_not_allowed")
    assert client.post("/jobs", json=DIGITS, headers={"Origin": url}).status_code == 202


def test_without_keys_a_session_needs_none(client: httpx.Client) -> None:
    assert client.post("/session", json={"key": "any"}).json()["name"] == "anonymous"


def test_cors_lets_listed_origins_in_and_says_so_on_errors(locked: httpx.Client) -> None:
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
