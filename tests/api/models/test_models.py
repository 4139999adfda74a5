"""/models over real HTTP: references, files, aliases, deletion."""

import asyncio
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import redis

from api.app import create_app
from api.http.dependencies import shared
from api.models import files
from api.models.bundle.derived import DerivedFiles
from api.models.files import Downloads
from api.records.jobs import JobReader
from api.records.storages import Storages
from api.settings import ApiSettings
from model.artifact.manifest import Manifest, model_key
from model.storage.interface import Storage
from model.storage.local import LocalStorage
from model.storage.opening import open_storage
from tests.api.problems import problem_in
from tests.api.published import publish_model
from tests.api.serving import running_api
from worker.registry.model_registry import AsyncModelRegistry, ModelRegistry


@pytest.fixture
def storage(settings: ApiSettings) -> Storage:
    return open_storage(settings.storage)


@pytest.fixture
def registry(redis_client: redis.Redis) -> ModelRegistry:
    return ModelRegistry(redis_client)


def publish(registry: ModelRegistry, storage: Storage, version: int = 1, name: str = "shapes") -> Manifest:
    manifest = publish_model(storage, name=name, version=version, seed=version)
    registry.register(manifest.model_dump_json())
    return manifest


def test_without_any_model_a_prediction_says_how_to_train_one(client: httpx.Client) -> None:
    problem = problem_in(client.post("/predict", content=b"an image"), 404, "no_model")
    assert "POST /jobs" in problem["detail"]


def test_every_form_of_reference_resolves(
    client: httpx.Client, registry: ModelRegistry, storage: Storage
) -> None:
    first, second = publish(registry, storage, 1), publish(registry, storage, 2)
    problem_in(client.get("/models/shapes"), 409, "no_production")
    promoted = client.put("/models/shapes/aliases/production", json={"version": 1})
    assert (promoted.json()["version"], promoted.json()["model_id"]) == (1, first.id)
    references = {
        "shapes": first, "shapes:1": first, "shapes@production": first, first.id: first,
        "shapes:2": second, "shapes:latest": second, second.id: second,
    }  # fmt: skip
    for reference, manifest in references.items():
        model = client.get(f"/models/{reference}").json()
        assert (model["id"], model["object"]) == (manifest.id, "model")
    assert client.get("/models/shapes").json()["aliases"] == ["production"]
    for unknown in ("nope", "shapes:3", "shapes@beta", "mdl_0", "shapes:0", "@", ":", "Shapes"):
        problem_in(client.get(f"/models/{unknown}"), 404, "model_not_found")


def test_lists_are_paged_and_filtered_by_name(
    client: httpx.Client, registry: ModelRegistry, storage: Storage
) -> None:
    ids = [publish(registry, storage, version).id for version in (1, 2, 3)]
    publish(registry, storage, name="other")
    page = client.get("/models?name=shapes&limit=2").json()
    assert ([model["id"] for model in page["data"]], page["has_more"]) == (ids[:0:-1], True)
    rest = client.get("/models", params={"name": "shapes", "after": ids[1]}).json()
    assert [model["id"] for model in rest["data"]] == ids[:1]
    assert len(client.get("/models").json()["data"]) == 4


def test_the_etag_of_a_file_is_its_sha256(
    client: httpx.Client, registry: ModelRegistry, storage: Storage
) -> None:
    manifest = publish(registry, storage)
    weights = client.get("/models/shapes:1/files/model.safetensors")
    digest = hashlib.sha256(weights.content).hexdigest()
    assert weights.headers["etag"] == f'"{digest}"' == f'"{manifest.files["model.safetensors"].sha256}"'
    again = {"If-None-Match": f'"{digest}"'}
    assert client.get("/models/shapes:1/files/model.safetensors", headers=again).status_code == 304
    part = client.get("/models/shapes:1/files/model.safetensors", headers={"Range": "bytes=0-9"})
    assert (part.status_code, part.content) == (206, weights.content[:10])
    assert client.get("/models/shapes:1/files/manifest.json").json()["id"] == manifest.id
    for name in ("other.bin", "..%2fmanifest.json", "%00", "dataset.json"):
        assert client.get(f"/models/shapes:1/files/{name}").status_code == 404


def test_a_file_that_the_client_has_is_not_fetched_from_storage(
    client: httpx.Client, registry: ModelRegistry, storage: Storage
) -> None:
    manifest = publish(registry, storage)
    storage.delete(model_key(manifest.id, "model.safetensors"))
    url, digest = "/models/shapes:1/files/model.safetensors", manifest.files["model.safetensors"].sha256
    assert client.get(url, headers={"If-None-Match": f'"{digest}"'}).status_code == 304
    problem_in(client.get(url), 404, "model_not_found")


class LosingStorage(LocalStorage):
    """A real folder that deletes a file just after lending it, as when another caller deletes the model."""

    @contextmanager
    def as_file(self, key: str) -> Iterator[Path]:
        with super().as_file(key) as path:
            path.unlink()
            yield path


@pytest.mark.parametrize("name", ["model.safetensors", "manifest.json"])
def test_a_file_that_is_deleted_during_the_request_is_not_found(
    registry: ModelRegistry, storage: Storage, settings: ApiSettings, name: str
) -> None:
    publish(registry, storage)
    app = create_app(settings)
    losing = LosingStorage(Path(settings.storage.removeprefix("file://")))

    class LosingStorages(Storages):
        def of(self, project: str) -> Storage:  # noqa: ARG002  # there is only one
            return losing

    storages = LosingStorages(settings.storage)
    app.state.shared[Downloads] = Downloads(storages, DerivedFiles(storages, shared(app, JobReader)))

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            answer = await client.get(f"/models/shapes:1/files/{name}")
        await shared(app, AsyncModelRegistry).redis.aclose()
        return answer

    problem_in(asyncio.run(ask()), 404, "model_not_found")


def test_downloads_beyond_the_limit_are_refused(
    registry: ModelRegistry, storage: Storage, settings: ApiSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(registry, storage)
    monkeypatch.setattr(files, "MAX_DOWNLOADS", 0)
    with running_api(settings) as url:
        response = httpx.get(f"{url}/models/shapes:1/files/manifest.json")
    problem_in(response, 503, "downloads_busy")
    assert response.headers["retry-after"]


def test_aliases_are_set_moved_and_deleted(
    client: httpx.Client, registry: ModelRegistry, storage: Storage
) -> None:
    publish(registry, storage, 1)
    publish(registry, storage, 2)
    path = "/models/shapes/aliases/beta"
    problem_in(client.get(path), 404, "alias_not_found")
    for version in (1, 2):
        assert client.put(path, json={"version": version}).json()["version"] == version
        assert client.get(path).json()["version"] == version
    problem_in(client.put(path, json={"version": 9}), 404, "model_not_found")
    problem_in(client.put(path, json={"version": "1"}), 422, "invalid_request")
    problem_in(client.put("/models/shapes/aliases/latest", json={"version": 1}), 422, "invalid_request")
    assert client.delete(path).status_code == 204
    problem_in(client.delete(path), 404, "alias_not_found")
    problem_in(client.get("/models/nope/aliases/beta"), 404, "model_not_found")


def test_a_model_with_an_alias_cannot_be_deleted(
    client: httpx.Client, registry: ModelRegistry, storage: Storage
) -> None:
    manifest = publish(registry, storage)
    client.put("/models/shapes/aliases/production", json={"version": 1})
    problem_in(client.delete("/models/shapes:1"), 409, "model_in_use")
    client.delete("/models/shapes/aliases/production")
    assert client.delete("/models/shapes:1").status_code == 204
    assert not storage.exists(model_key(manifest.id, "manifest.json"))
    assert storage.list(f"models/{manifest.id}/") == []
    problem_in(client.get(f"/models/{manifest.id}"), 404, "model_not_found")
    problem_in(client.delete(f"/models/{manifest.id}"), 404, "model_not_found")


def test_a_job_may_start_from_a_model(
    client: httpx.Client, registry: ModelRegistry, storage: Storage
) -> None:
    manifest = publish(registry, storage)
    job = client.post("/jobs", json={"dataset": "digits", "init_from": "shapes:1"}).json()
    assert job["spec"]["init_from"] == manifest.id
    refused = client.post("/jobs", json={"dataset": "digits", "init_from": "nothing"})
    problem = problem_in(refused, 422, "model_not_found")
    assert problem["errors"][0]["param"] == "init_from"
