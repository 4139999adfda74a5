"""Limits of uploads: memory, disk, number of concurrent uploads, time."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import redis

from api.app import create_app
from api.datasets.submission import ImportSubmissions
from api.datasets.upload_places import UploadLimits, UploadPlaces
from api.datasets.uploads import DatasetUploads
from api.http.dependencies import shared
from api.records.storage_space import StorageSpace
from api.records.storages import Storages
from api.settings import ApiSettings
from model.data.built_in.facts import BUILT_IN
from model.storage.opening import open_storage
from tests.api.problems import problem_in
from tests.api.serving import running_api
from tests.api.zips import leftovers, zipped
from tests.chaos.cluster.network import Link, Network
from tests.ninefold.processes import eventually
from tests.ports import free_port
from worker.queue.ids import upload_key

MIB = 1 << 20
LIMIT_BYTES = 8 * MIB


@pytest.fixture
def limited(settings: ApiSettings, redis_url: str) -> Iterator[httpx.Client]:
    """A client of a service with a size limit of a few MiB."""
    with (
        running_api(settings.model_copy(update={"max_dataset_bytes": LIMIT_BYTES})) as url,
        httpx.Client(base_url=url, timeout=60) as client,
    ):
        yield client


def test_an_endless_upload_is_refused_within_limits_of_memory_and_disk(
    limited: httpx.Client, settings: ApiSettings
) -> None:
    before, most_on_disk = _resident_bytes(), 0

    def endless() -> Iterator[bytes]:
        nonlocal most_on_disk
        yield b"PK\x03\x04" + bytes(2 * MIB)
        eventually(lambda: max(leftovers(settings), default=0) > MIB, 60, "the upload is on the disk")
        while True:
            yield bytes(100_000)
            most_on_disk = max(most_on_disk, *leftovers(settings), 0)
            assert most_on_disk <= LIMIT_BYTES
            assert _resident_bytes() - before < 64 * MIB

    problem_in(limited.post("/datasets?name=pets", content=endless()), 413, "body_too_large")
    assert leftovers(settings) == []


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def test_the_number_of_concurrent_uploads_is_limited(
    client: httpx.Client, url: str, settings: ApiSettings
) -> None:
    with ExitStack() as stack:
        uploads = [stack.enter_context(_begin_upload(url)) for _ in range(settings.max_uploads)]
        eventually(
            lambda: len(leftovers(settings)) == settings.max_uploads,
            60,
            "the maximum number of uploads is running",
        )
        refused = client.post("/datasets?name=pets", content=zipped())
        problem_in(refused, 503, "uploads_busy")
        assert int(refused.headers["retry-after"]) > 0
        uploads[0].close()
        eventually(lambda: len(leftovers(settings)) < settings.max_uploads, 60, "an upload has ended")
        another = zipped()
        eventually(
            lambda: client.post("/datasets?name=pets", content=another).status_code == 202,
            60,
            "the place is free",
        )


def _begin_upload(url: str) -> socket.socket:
    address = urlsplit(url)
    connection = socket.create_connection((str(address.hostname), address.port or 80))
    connection.sendall(
        b"POST /datasets?name=x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999\r\n\r\nPK\x03\x04"
    )
    return connection


def test_an_upload_that_is_too_slow_is_refused(settings: ApiSettings, redis_url: str) -> None:
    def trickle() -> Iterator[bytes]:
        yield b"PK\x03\x04"
        while True:
            time.sleep(0.05)  # a slow client
            yield b"\0"

    app = create_app(settings)
    app.state.shared[DatasetUploads] = DatasetUploads(
        shared(app, ImportSubmissions),
        shared(app, Storages),
        shared(app, StorageSpace),
        UploadPlaces(UploadLimits(settings.max_dataset_bytes, max_uploads=8, timeout_s=1)),
    )
    with running_api(settings, app) as url:
        answer = httpx.post(f"{url}/datasets?name=x", content=trickle(), timeout=60)
        problem_in(answer, 408, "upload_timeout")
    assert leftovers(settings) == []


@pytest.fixture
def link(redis_client: redis.Redis) -> Iterator[Link]:
    """A network to Valkey that can lose the replies to scripts."""
    network = Network()
    port = free_port()
    redis_client.config_set("port", port)
    yield network.open_link(port)
    network.close()
    redis_client.config_set("port", 0)


def test_an_upload_whose_import_may_be_queued_is_kept_although_every_reply_was_lost(
    settings: ApiSettings, link: Link
) -> None:
    """Otherwise the client's repetition would get an import that fails because its upload is gone."""
    behind = settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{link.port}"})
    with running_api(behind) as url, httpx.Client(base_url=url, timeout=60) as client:
        upload, key = zipped(), {"Idempotency-Key": "pets"}
        client.post("/datasets?name=cats", content=upload).raise_for_status()  # Valkey now knows the script
        link.replies_to_lose = 10_000
        problem_in(client.post("/datasets?name=pets", content=upload, headers=key), 503, "redis_unavailable")
        link.repair()
        again = client.post("/datasets?name=pets", content=upload, headers=key)
        assert again.status_code == 202
        assert len(client.get("/datasets?limit=100").json()["data"]) == len(BUILT_IN) + 2
        assert open_storage(settings.storage).exists(upload_key(again.json()["id"]))


@pytest.mark.parametrize(("setting", "value"), [("maxmemory", 1), ("min-replicas-to-write", 1)])
def test_an_upload_whose_import_redis_refuses_leaves_nothing(
    client: httpx.Client, settings: ApiSettings, redis_client: redis.Redis, setting: str, value: int
) -> None:
    redis_client.config_set(setting, value)
    try:
        problem_in(client.post("/datasets?name=pets", content=zipped()), 503, "redis_unavailable")
    finally:
        redis_client.config_set(setting, 0)
    assert open_storage(settings.storage).list("uploads") == []
    assert client.post("/datasets?name=pets", content=zipped()).status_code == 202
