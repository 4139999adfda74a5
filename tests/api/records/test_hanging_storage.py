"""While storage hangs, requests that need it are answered 503, and every other request is answered."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

import api.records.storages
from api.records.storage_calls import StorageCalls, StorageHangsError
from api.settings import ApiSettings
from model.storage.opening import open_storage
from tests.api.problems import problem_in
from tests.api.records.hanging import hanging
from tests.api.serving import running_api

ARCHIVED = "job_0000000000000000000000000a"
REQUESTS = 40
"""More than asyncio, anyio or the limit of storage calls would allow at once."""


@pytest.fixture
def impatient(
    settings: ApiSettings, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[httpx.Client]:
    """A client of an API that waits a second for storage."""
    monkeypatch.setattr(api.records.storages, "TIMEOUT_S", 1.0)
    with running_api(settings) as url, httpx.Client(base_url=url, timeout=30) as client:
        yield client


@pytest.fixture
def archived_file(settings: ApiSettings) -> Path:
    """The file of an archived job."""
    open_storage(settings.storage).put_bytes(f"archive/jobs/{ARCHIVED}.json", b"{}")
    [path] = Path(settings.storage.removeprefix("file://")).glob(f"archive/jobs/{ARCHIVED}*")
    return path


def test_requests_that_do_not_need_storage_are_answered_while_it_hangs(
    impatient: httpx.Client, archived_file: Path
) -> None:
    with hanging(archived_file), ThreadPoolExecutor(REQUESTS) as callers:
        hung = [callers.submit(impatient.get, f"/jobs/{ARCHIVED}") for _ in range(REQUESTS)]
        for path in ("/healthz", "/jobs", "/workers", "/models", "/", "/dashboard/js/app.js"):
            assert impatient.get(path).status_code == 200
        assert impatient.post("/jobs?dry_run=true", json={"dataset": "digits"}).status_code == 200
        for answer in hung:
            response = answer.result()
            problem_in(response, 503, "storage_unavailable")
            assert int(response.headers["retry-after"]) > 0
    # The calls that hung have ended: storage is used again.
    assert impatient.get(f"/jobs/{ARCHIVED}").status_code != 503


def test_calls_beyond_the_limit_fail_at_once_when_all_others_hang() -> None:
    async def scenario() -> None:
        calls, may_end = StorageCalls(max_calls=2), threading.Event()
        hung = [calls.run(0.1, may_end.wait, 20) for _ in range(3)]
        outcomes = await asyncio.gather(*hung, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [StorageHangsError] * 3
        with pytest.raises(StorageHangsError):
            await calls.run(3600, str, "never begins")
        may_end.set()
        while True:
            try:
                assert await calls.run(20, str, "begins again") == "begins again"
                break
            except StorageHangsError:
                await asyncio.sleep(0.01)

    asyncio.run(scenario())


def test_what_a_call_raises_reaches_its_caller() -> None:
    async def scenario() -> None:
        with pytest.raises(ValueError, match="x"):
            await StorageCalls().run(20, int, "x")

    asyncio.run(scenario())
