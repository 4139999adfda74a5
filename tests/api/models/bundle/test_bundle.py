"""/models/{ref}/bundle over real HTTP: what is in it works without this project, and gives the scores of the service."""

import hashlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from model.artifact.manifest import Manifest, model_key
from model.storage.opening import open_storage
from tests.api.model_importing import ended, running_model_importer
from tests.api.problems import problem_in
from tests.api.published import publish_exported, publish_model
from tests.api.serving import Service, running_service
from tests.model.bundle.test_predict_script import photos, run_script
from tests.stored import stored_path
from tests.worker.samples import claim, make_job, row
from worker.queue.attempt_messages import TrainingReport
from worker.queue.store import JobStore
from worker.redis_server.connection import connect
from worker.registry.model_registry import ModelRegistry


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with running_service() as service:
        yield service


def register(service: Service, manifest: Manifest) -> Manifest:
    with connect(service.redis_url) as client:
        ModelRegistry(client).register(manifest.model_dump_json())
    return manifest


@pytest.fixture(scope="module")
def exported(service: Service) -> Manifest:
    return register(service, publish_exported(open_storage(service.storage_url), name="whole"))


def test_an_unpacked_bundle_gives_the_scores_of_the_service(
    service: Service, exported: Manifest, tmp_path: Path
) -> None:
    answer = service.client.get("/models/whole:1/bundle")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/zip")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="whole-1.zip"'
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path)
    files = photos()
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    parts = [("files", (name, data)) for name, data in files.items()]
    served = service.client.post("/predict?model=whole:1&top_k=3", files=parts).json()
    assert served["model"]["precision"] == "int8"
    found = run_script(tmp_path, list(files))
    for one in served["predictions"]:
        expected = {score["label"]: score["score"] for score in one["scores"]}
        assert found[one["filename"]] == pytest.approx(expected, abs=1e-4), one["filename"]


@pytest.mark.timeout(400)  # two imports, each in a new process
def test_an_imported_bundle_predicts_the_same(service: Service, exported: Manifest) -> None:
    client = service.client
    bundle = client.get("/models/whole:1/bundle").content
    with running_model_importer(service.redis_url, service.storage_url):
        posted = [client.post(f"/models/import{query}", content=bundle) for query in ("", "?name=copy")]
        again, named = (ended(client, answer.headers["Location"]) for answer in posted)
    assert again["status"] == "succeeded", again
    assert (again["result"]["model"]["name"], again["result"]["model"]["version"]) == ("whole", 2)
    assert posted[1].headers["Location"] == f"/models/imports/{named['id']}"
    copy = client.get(named["links"]["model"]).json()
    assert (copy["name"], copy["version"], copy["aliases"], copy["job_id"]) == ("copy", 1, [], None)
    origin = copy["lineage"]["imported_from"]
    assert (origin["id"], origin["name"], origin["version"]) == (exported.id, "whole", 1)
    kept = {name: one["sha256"] for name, one in copy["files"].items() if name != "evaluation.json"}
    assert kept == {name: one.sha256 for name, one in exported.files.items() if name != "evaluation.json"}

    parts = [("files", (name, data)) for name, data in photos().items()]
    mine, theirs = (
        client.post(f"/predict?model={ref}&top_k=3", files=parts).json() for ref in ("copy:1", "whole:1")
    )
    assert mine["model"]["precision"] == theirs["model"]["precision"] == "int8"
    for one, other in zip(mine["predictions"], theirs["predictions"], strict=True):
        scores = {score["label"]: score["score"] for score in one["scores"]}
        assert scores == pytest.approx({s["label"]: s["score"] for s in other["scores"]}, abs=1e-6)
    evaluations = [
        client.get(f"/models/{ref}/evaluation").json()["accuracy"] for ref in ("copy:1", "whole:1")
    ]
    assert evaluations[0] == evaluations[1]
    card = client.get("/models/copy:1/files/README.md").text
    assert "| imported from |" in card
    assert client.get("/models/copy:1/files/curves.svg").status_code == 200
    assert client.get("/models/copy:1/bundle").status_code == 200


def test_a_bundle_has_the_stored_bytes_and_is_always_the_same(service: Service, exported: Manifest) -> None:
    first, second = (service.client.get("/models/whole:1/bundle") for _ in range(2))
    assert first.content == second.content
    assert int(first.headers["Content-Length"]) == len(first.content)
    with zipfile.ZipFile(io.BytesIO(first.content)) as archive:
        assert archive.namelist() == [
            "README.md",
            "predict.py",
            "manifest.json",
            "curves.svg",
            "confusion_matrix.svg",
            *("evaluation.json", "epochs.json", "held_out.json", "predictions.safetensors"),
            *("model.onnx", "model.int8.onnx", "model.safetensors"),
        ]
        assert Manifest.model_validate_json(archive.read("manifest.json")) == exported
        for name, facts in exported.files.items():
            assert hashlib.sha256(archive.read(name)).hexdigest() == facts.sha256
    same = service.client.get("/models/whole:1/bundle", headers={"If-None-Match": first.headers["ETag"]})
    assert (same.status_code, same.content) == (304, b"")


@pytest.mark.parametrize(
    ("name", "kind", "part"),
    [
        ("README.md", "text/markdown; charset=utf-8", "# whole:1"),
        ("curves.svg", "image/svg+xml", "validation"),
        ("confusion_matrix.svg", "image/svg+xml", "class-2"),
        ("predict.py", "text/x-python; charset=utf-8", "onnxruntime.InferenceSession"),
    ],
)
def test_each_derived_file_is_served(
    service: Service, exported: Manifest, name: str, kind: str, part: str
) -> None:
    answer = service.client.get(f"/models/whole:1/files/{name}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, kind)
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert part in answer.text
    same = service.client.get(
        f"/models/whole:1/files/{name}", headers={"If-None-Match": answer.headers["ETag"]}
    )
    assert same.status_code == 304


def test_a_model_of_an_earlier_release_is_bundled_with_what_it_has(service: Service) -> None:
    register(service, publish_model(open_storage(service.storage_url), name="old"))
    answer = service.client.get("/models/old:1/bundle")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.namelist() == ["README.md", "manifest.json", "model.safetensors"]
        assert b"there is no `model.onnx`" in archive.read("README.md")
    problem_in(service.client.get("/models/old:1/files/predict.py"), 404, "file_not_found")


def test_the_curves_of_an_earlier_model_come_from_its_job(service: Service) -> None:
    with connect(service.redis_url) as client:
        store = JobStore(client)
        store.submit(make_job())
        job_id, attempt_id = claim(store)
        store.report(job_id, attempt_id, 1, TrainingReport(rows=(row(1), row(2))))
    bare = publish_model(open_storage(service.storage_url), name="older")
    register(service, bare.model_copy(update={"job_id": job_id}))
    assert "training" in service.client.get("/models/older:1/files/curves.svg").text
    bundle = zipfile.ZipFile(io.BytesIO(service.client.get("/models/older:1/bundle").content))
    assert "curves.svg" in bundle.namelist()


def test_a_damaged_file_is_not_bundled(service: Service) -> None:
    manifest = register(service, publish_model(open_storage(service.storage_url), name="damaged"))
    path = stored_path(open_storage(service.storage_url), model_key(manifest.id, "model.safetensors"))
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    problem_in(service.client.get("/models/damaged:1/bundle"), 500, "corrupt_artifact")


def test_a_missing_model_has_no_bundle(service: Service) -> None:
    problem_in(service.client.get("/models/nothing:1/bundle"), 404, "model_not_found")
