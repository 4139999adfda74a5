"""The access log has one JSON line for each request, without secrets."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from api.settings import ApiSettings
from tests.api.serving import running_api
from tests.worker.processes import wait_until

KEY = "key-of-alice-0123"


@pytest.fixture
def logged(settings: ApiSettings, redis_url: str) -> Iterator[httpx.Client]:
    update = {"access_log": True, "api_keys": SecretStr(f"alice:{KEY}")}
    with running_api(settings.model_copy(update=update)) as url, httpx.Client(base_url=url) as client:
        yield client


def _lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [json.loads(record.message) for record in caplog.records if record.name.endswith("access_log")]


def test_a_line_names_request_route_status_duration_and_key(
    logged: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    headers = {"Authorization": f"Bearer {KEY}", "X-Request-ID": "proxy-7"}
    with caplog.at_level(logging.INFO, "api.http.middleware.access_log"):
        logged.get("/jobs/job_00000000000000000000000000?wait_s=0", headers=headers)
        logged.head("/jobs?limit=1", headers=headers)
        logged.get(f"/nothing?key={KEY}")
        wait_until(lambda: len(_lines(caplog)) == 3)  # a line is written once the answer was sent
    lines = _lines(caplog)
    assert [(line["method"], line["route"], line["status"], line["key_id"]) for line in lines] == [
        ("GET", "/jobs/{job_id}", 404, "alice"),
        ("HEAD", "/jobs", 200, "alice"),
        ("GET", None, 401, None),
    ]
    assert lines[0]["request_id"] == "proxy-7"
    assert all(line["duration_ms"] >= 0 for line in lines)
    assert KEY not in caplog.text


def test_without_the_setting_nothing_is_logged(
    client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        client.get("/jobs")
    assert not [record for record in caplog.records if record.name.endswith("access_log")]
