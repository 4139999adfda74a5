"""/models/import over real HTTP: what is refused, repeated, cancelled and deleted."""

import io
import zipfile
from typing import Any

import httpx
import pytest
import redis

from api.settings import ApiSettings
from model.storage.opening import open_storage
from tests.api.model_importing import ended, running_model_importer
from tests.api.problems import problem_in
from tests.api.published import publish_model
from tests.api.serving import running_api
from worker.registry.model_registry import ModelRegistry

Json = dict[str, Any]


def some_zip(name: str = "manifest.json", data: str = "{}") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), data)
    return file.getvalue()


@pytest.fixture
def bundle(client: httpx.Client, settings: ApiSettings, redis_client: redis.Redis) -> bytes:
    """The bundle of a model."""
    manifest = publish_model(open_storage(settings.storage))
    ModelRegistry(redis_client).register(manifest.model_dump_json())
    return client.get("/models/shapes:1/bundle").content


def uploads(settings: ApiSettings) -> list[str]:
    return list(open_storage(settings.storage).list("uploads/"))


def test_a_repeated_request_imports_once(client: httpx.Client, settings: ApiSettings, bundle: bytes) -> None:
    headers = {"Idempotency-Key": "once"}
    first, again = (client.post("/models/import", content=bundle, headers=headers) for _ in range(2))
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["id"] == again.json()["id"]
    other = client.post("/models/import?name=other", content=bundle, headers=headers)
    problem_in(other, 422, "idempotency_mismatch")
    assert len(uploads(settings)) == 1
    with running_model_importer(settings.redis_url, settings.storage):
        done = ended(client, first.headers["Location"])
    assert done["result"]["model"]["version"] == 2
    assert len(client.get("/models?name=shapes").json()["data"]) == 2
    assert uploads(settings) == []


def test_a_zip_that_is_no_bundle_leaves_nothing(
    client: httpx.Client, settings: ApiSettings, bundle: bytes
) -> None:
    with running_model_importer(settings.redis_url, settings.storage):
        failed, short = (
            ended(client, client.post("/models/import", content=content).headers["Location"])
            for content in (some_zip(), bundle[:-100])
        )
    assert (failed["status"], failed["error"]["code"]) == ("failed", "bundle_rejected")
    assert "manifest.json is not that of a model" in failed["error"]["message"]
    assert short["error"]["code"] == "bundle_rejected"
    assert uploads(settings) == []
    known = {model["id"] for model in client.get("/models").json()["data"]}
    stored = {key.split("/")[1] for key in open_storage(settings.storage).list("models/")}
    assert known <= stored
    assert not [key for key in open_storage(settings.storage).list("models/") if failed["id"] in key]
    assert len(known) == 1
    assert client.delete(failed["links"]["self"]).status_code == 204
    problem_in(client.get(failed["links"]["self"]), 404, "model_import_not_found")


def test_a_waiting_import_is_cancelled_with_its_upload(client: httpx.Client, settings: ApiSettings) -> None:
    posted: Json = client.post("/models/import?name=shapes", content=some_zip()).json()
    assert (posted["object"], posted["status"], posted["name"]) == ("model_import", "queued", "shapes")
    cancelled = client.delete(posted["links"]["self"])
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    assert uploads(settings) == []


def test_what_is_no_zip_is_refused(client: httpx.Client, settings: ApiSettings) -> None:
    problem_in(client.post("/models/import", content=b""), 422, "empty_upload")
    problem_in(client.post("/models/import", content=b"hello"), 415, "not_a_zip")
    problem_in(client.post("/models/import", json={}), 415, "unsupported_media_type")
    problem_in(client.post("/models/import?name=Shapes", content=some_zip()), 422, "invalid_request")
    problem_in(client.get("/models/imports/imp_0"), 404, "model_import_not_found")
    problem_in(client.get("/models/imports/mim_0"), 404, "model_import_not_found")
    assert uploads(settings) == []


def test_a_bundle_beyond_the_limit_is_refused(settings: ApiSettings, redis_url: str) -> None:
    with (
        running_api(settings.model_copy(update={"max_model_bytes": 50})) as url,
        httpx.Client(base_url=url) as small,
    ):
        problem_in(small.post("/models/import", content=some_zip()), 413, "body_too_large")
        chunks = iter([some_zip(), b"more"])
        problem_in(small.post("/models/import", content=chunks), 413, "body_too_large")
    assert uploads(settings) == []
