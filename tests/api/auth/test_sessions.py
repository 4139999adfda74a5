"""Sessions: a key is exchanged for a signed cookie."""

import httpx
import pytest

from tests.api.problems import problem_in

DIGITS = {"dataset": "digits"}


def test_a_session_begins_and_ends(locked: httpx.Client, locked_url: str) -> None:
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
def test_a_page_of_another_origin_cannot_change_anything_with_the_cookie(
    locked: httpx.Client, origin: dict[str, str]
) -> None:
    locked.post("/session", json={"key": "key-of-alice"})
    problem_in(locked.post("/jobs", json=DIGITS, headers=origin), 403, "origin_not_allowed")


def test_a_forged_or_expired_cookie_is_refused(locked: httpx.Client, locked_url: str) -> None:
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


def test_a_service_without_keys_accepts_any_key(client: httpx.Client) -> None:
    assert client.post("/session", json={"key": "any"}).json()["name"] == "anonymous"


def test_a_malformed_cookie_of_another_service_does_not_end_the_session(
    locked: httpx.Client, locked_url: str
) -> None:
    locked.post("/session", json={"key": "key-of-alice"})
    (name, value), *_ = locked.cookies.items()
    for other in (
        "a b=c",
        "[x]",
        "=",
        "\xe9=1",
        'q="',
        'prefs={"a":1}',
        'prefs={"a":1, "b":[2]}',
        f"{name}=old",
    ):
        cookie = (b"Cookie", f"{other}; {name}={value}".encode("latin-1"))
        assert httpx.get(f"{locked_url}/jobs", headers=[cookie]).status_code == 200, other


def test_a_client_can_ask_who_it_is(client: httpx.Client, locked: httpx.Client) -> None:
    assert client.get("/session").json() == {"object": "caller", "name": "anonymous", "needs_key": False}
    problem_in(locked.get("/session"), 401, "unauthorized")
    locked.post("/session", json={"key": "key-of-alice"})
    assert locked.get("/session").json() == {"object": "caller", "name": "alice", "needs_key": True}
