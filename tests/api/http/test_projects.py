"""Nothing of another project is visible: a walk over the OpenAPI document."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import redis

from api.datasets.errors import TUS_VERSION
from api.datasets.resumable.headers import PART_TYPE
from model.batch_prediction.options import PredictionOptions
from tests.worker.imported import new_import
from tests.worker.samples import claim, draft, make_job
from worker.queue.calls.batch_predictions import NewPrediction, PredictedDataset
from worker.queue.calls.evaluations import NewEvaluation
from worker.queue.calls.model_imports import NewModelImport
from worker.queue.calls.uploads import UploadRecord, create_upload
from worker.queue.ids import (
    new_disagreement_id,
    new_import_id,
    new_model_id,
    new_model_import_id,
    new_prediction_id,
)
from worker.queue.records import EvaluatedSplit
from worker.queue.store import JobStore
from worker.redis_server.connection import connect
from worker.registry.model_registry import ModelRegistry

PROJECT = "lab"
ANSWERS_TO_ALL = {
    *(
        "get_health",
        "get_readiness",
        "list_workers",
        "get_metrics",
        "get_v2_server",
        "get_v2_live",
        "get_v2_ready",
    ),
    *("create_job", "create_dataset", "create_session", "get_session", "delete_session"),
    *("create_prediction", "list_predictions"),
    *("predict", "classify_for_hugging_face", "import_model"),
    *("list_jobs", "list_datasets", "list_models", "stream_events", "describe_uploads", "create_upload"),
}
"""Operations that name nothing; what they return is checked on its own."""


@dataclass(frozen=True)
class Foreign:
    """The ids and names of a job, imports, an upload, an evaluation, and a model in production, all of another project."""

    job_id: str
    import_id: str
    upload_id: str
    evaluation_id: str
    model_import_id: str
    prediction_id: str
    model_id: str
    model_name: str = "secret"

    def parameters(self) -> dict[str, list[str]]:
        """Return what fits each parameter of a path, and each required one of a query."""
        return {
            "with": [self.model_name],
            "model": [self.model_name],
            "job_id": [self.job_id],
            "ref": [self.model_id, self.model_name, f"{self.model_name}:1", self.import_id, "hidden"],
            "upload_id": [self.upload_id],
            "evaluation_id": [self.evaluation_id],
            "disagreement_id": [new_disagreement_id()],
            "import_id": [self.model_import_id],
            "prediction_id": [self.prediction_id],
            "index": ["0"],
            "name": [self.model_name],
            "version": ["1"],
            "alias": ["production"],
            "file": ["manifest.json", "model.safetensors"],
            "image_id": ["img_0123456789abcdef01234567"],
        }


@pytest.fixture
def foreign(redis_client: redis.Redis) -> Foreign:
    store = JobStore(redis_client)
    store.submit(make_job(name="secret", project=PROJECT))
    job_id, attempt_id = claim(store)
    model_id = new_model_id()
    store.commit_publish(job_id, attempt_id, draft(model_id, "secret"))
    store.succeed(job_id, attempt_id)
    assert ModelRegistry(redis_client).resolve("secret", PROJECT).manifest.id == model_id
    imported = store.submit_import(new_import("hidden", project=PROJECT)).dataset_import
    upload_id = store.run(create_upload(new_import_id(), UploadRecord(name="half"), 10, PROJECT))
    evaluation = NewEvaluation(model_id, "secret", "digits", is_uploaded=False, project=PROJECT)
    bundle = NewModelImport(new_model_import_id(), "secret", 1, "0" * 64, project=PROJECT)
    images = PredictedDataset(id="digits", is_uploaded=False, split=EvaluatedSplit.TEST)
    batch = NewPrediction(
        prediction_id=new_prediction_id(),
        model=model_id,
        model_name="secret",
        images=images,
        options=PredictionOptions(),
        project=PROJECT,
    )
    return Foreign(
        job_id,
        imported.id,
        upload_id,
        store.submit_evaluation(evaluation).run.id,
        store.submit_model_import(bundle).model_import.id,
        store.submit_prediction(batch).prediction.id,
        model_id,
    )


def paths_of(path: str, values: dict[str, list[str]]) -> Iterator[str]:
    """Yield a path of the document with every combination of values for its parameters."""
    before, brace, rest = path.partition("{")
    if not brace:
        yield path
        return
    name, _, after = rest.partition("}")
    for value in values[name]:
        yield from paths_of(before + value + after, values)


def query_of(operation: dict[str, Any], values: dict[str, list[str]]) -> dict[str, str]:
    """Return the query without which the operation is refused."""
    names = [
        one["name"] for one in operation.get("parameters", []) if one["in"] == "query" and one["required"]
    ]
    return {name: values[name][0] for name in names}


def request_of(method: str, path: str) -> dict[str, Any]:
    """Return a body and headers that the operation understands."""
    if path.startswith("/uploads"):
        headers = {"Tus-Resumable": TUS_VERSION, "Upload-Offset": "0", "Content-Type": PART_TYPE}
        return {"headers": headers} | ({"content": b"PK"} if method == "patch" else {})
    return {"json": {"version": 1}} if method == "put" else {}


def test_nothing_of_another_project_answers_anything_but_404(client: httpx.Client, foreign: Foreign) -> None:
    walked = set()
    for path, operations in client.get("/openapi.json").json()["paths"].items():
        for method, operation in operations.items():
            if "{" not in path:
                assert operation["operationId"] in ANSWERS_TO_ALL
                continue
            walked.add(operation["operationId"])
            for filled in paths_of(path, foreign.parameters()):
                query = query_of(operation, foreign.parameters())
                answer = client.request(method, filled, params=query, **request_of(method, path))
                assert answer.status_code == 404, (method, filled, answer.text)
    assert len(walked) > 15


def test_lists_and_streams_hold_nothing_of_another_project(
    client: httpx.Client, foreign: Foreign, redis_url: str
) -> None:
    for path in (
        "/jobs",
        "/jobs?status=succeeded",
        "/jobs?name=secret",
        "/models",
        "/models?name=secret",
        "/predictions",
    ):
        assert client.get(path).json()["data"] == [], path
    assert all(one["is_built_in"] for one in client.get("/datasets").json()["data"])
    mine = client.post("/jobs", json={"dataset": "digits"}).json()["id"]
    with client.stream("GET", "/events") as stream:
        for line in stream.iter_lines():
            assert foreign.job_id not in line
            assert foreign.import_id not in line
            if line.startswith("data:") and mine in line and '"status"' in line:
                break
    for field, value in (("dataset", "hidden"), ("dataset", foreign.import_id), ("init_from", "secret")):
        answer = client.post("/jobs", json={"dataset": "digits"} | {field: value})
        assert answer.status_code == 422
    assert client.post("/jobs", json={"rerun_of": foreign.job_id}).status_code == 404
    assert client.post("/predict?model=secret", content=b"x").status_code == 404
    with connect(redis_url) as redis_client:
        assert JobStore(redis_client).get(foreign.job_id, PROJECT).name == "secret"
