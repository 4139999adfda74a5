"""HEAD is answered as GET without the body, by every route that can be read."""

import httpx
import pytest

from tests.api.problems import problem_in


@pytest.mark.parametrize(
    "path", ["/healthz", "/jobs", "/", "/docs", "/openapi.json", "/dashboard/js/app.js", "/models/x"]
)
def test_head_has_the_headers_of_get_and_no_body(client: httpx.Client, path: str) -> None:
    head, get = client.head(path), client.get(path)
    assert (head.status_code, head.content) == (get.status_code, b"")
    for name in ("content-type", "content-length"):
        assert head.headers.get(name) == get.headers.get(name)


def test_head_of_an_event_stream_ends(client: httpx.Client) -> None:
    response = client.head("/events", timeout=5)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/event-stream")
    assert client.get("/healthz").status_code == 200


def test_head_of_what_cannot_be_read_is_refused(client: httpx.Client) -> None:
    response = client.head("/predict")
    assert response.status_code == 405
    problem_in(client.get("/predict"), 405, "method_not_allowed")
