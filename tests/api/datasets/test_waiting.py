"""Waiting for a dataset through a proxy that closes connections on which nothing arrives for five seconds."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from typer.testing import CliRunner

from api.settings import ApiSettings
from ninefold.cli.app import app
from tests.api.importing import running_importer
from tests.api.serving import running_api
from tests.api.zips import zipped
from tests.chaos.cluster.network import Network

PATIENCE_S = 5.0


@pytest.fixture
def proxied(settings: ApiSettings, redis_url: str) -> Iterator[str]:
    """The URL of a proxy before an API that knows the proxy's limit."""
    network = Network()
    with running_api(settings.model_copy(update={"max_wait_s": 1.0})) as url:
        link = network.open_link(urlsplit(url).port or 80)
        link.patience_s = PATIENCE_S
        try:
            yield f"http://127.0.0.1:{link.port}"
        finally:
            network.close()


@pytest.fixture
def late_importer(settings: ApiSettings, proxied: str) -> Iterator[None]:
    """A worker that begins to import only when a silent connection would have been closed."""
    is_over = threading.Event()

    def run() -> None:
        is_over.wait(PATIENCE_S + 2)
        with running_importer(settings):
            is_over.wait()

    thread = threading.Thread(target=run)
    thread.start()
    yield
    is_over.set()
    thread.join()


def test_a_request_that_waits_is_answered_with_the_current_state_before_a_proxy_ends_it(proxied: str) -> None:
    with httpx.Client(base_url=proxied, timeout=30) as client:
        uploaded = client.post("/datasets?name=pets&wait_s=60", content=zipped())
        assert (uploaded.status_code, uploaded.json()["status"]) == (202, "processing")
        waited = client.get("/datasets/pets?wait_s=60")
        assert (waited.status_code, waited.json()["status"]) == (200, "processing")
        job_id = client.post("/jobs", json={"dataset": "digits"}).json()["id"]
        assert client.get(f"/jobs/{job_id}?wait_s=60").json()["status"] == "queued"


@pytest.mark.usefixtures("late_importer")
def test_the_command_line_and_its_client_wait_through_a_proxy(proxied: str, tmp_path: Path) -> None:
    path = tmp_path / "pets.zip"
    path.write_bytes(zipped())
    began = time.monotonic()
    result = CliRunner().invoke(app, ["datasets", "add", str(path), "--url", proxied])
    assert result.exit_code == 0, result.output
    assert "2 classes" in result.output
    assert time.monotonic() - began > PATIENCE_S
