"""A refused upload is answered at once, and the rest of its body is not taken in."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from api.http.middleware.unread_bodies import DISCARD_BYTES, DISCARD_TIMEOUT_S
from tests.api.problems import problem_in

CHUNK = b"x" * (1 << 16)
CHUNKS = 4096
SENT_AT_MOST = (DISCARD_BYTES + (16 << 20)) // len(CHUNK)
"""What is discarded, and what the buffers of both ends and of the kernel hold."""


class Body:
    """256 MiB that count how many of them were sent."""

    def __init__(self) -> None:
        self.sent = 0

    def __iter__(self) -> Iterator[bytes]:
        for self.sent in range(CHUNKS):
            yield CHUNK


@pytest.mark.parametrize(
    ("path", "status", "code", "headers"),
    [
        ("/datasets?name=photos&wait=1", 422, "invalid_request", {}),
        ("/datasets?name=digits", 409, "dataset_name_taken", {"Content-Length": str(len(CHUNK) * CHUNKS)}),
    ],
)
def test_the_client_reads_the_answer_and_sends_little_more(
    client: httpx.Client, path: str, status: int, code: str, headers: dict[str, str]
) -> None:
    body = Body()
    began = time.monotonic()
    response = client.post(path, content=body, headers=headers)
    problem_in(response, status, code)
    assert response.headers["connection"] == "close"
    assert body.sent < SENT_AT_MOST
    assert time.monotonic() - began < 10 * DISCARD_TIMEOUT_S
    assert client.get("/healthz").status_code == 200


def test_an_upload_with_a_wrong_key_is_not_taken_in(locked: httpx.Client) -> None:
    body = Body()
    problem_in(locked.post("/datasets?name=photos", content=body), 401, "unauthorized")
    assert body.sent < SENT_AT_MOST


@pytest.mark.parametrize("expect", ["Expect: 100-continue", "Expect:"])
def test_curl_shows_the_answer(url: str, redis_url: str, tmp_path: Path, expect: str) -> None:
    file = tmp_path / "large.zip"
    with file.open("wb") as large:
        large.truncate(len(CHUNK) * CHUNKS)
    command = ["curl", "-sS", "-H", expect, "--data-binary", f"@{file}", f"{url}/datasets?name=digits"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert '"code": "dataset_name_taken"' in done.stdout, done.stderr


def test_the_connection_stays_open_after_a_short_body(client: httpx.Client) -> None:
    response = client.post("/jobs", content=b"{}", headers={"Content-Type": "text/plain"})
    assert "connection" not in problem_in(response, 415, "unsupported_media_type") | dict(response.headers)
