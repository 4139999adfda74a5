"""The OpenAPI document says all that a client needs; /docs and the dashboard load nothing from elsewhere."""

import re
from typing import Any

import httpx
import pytest

OPERATIONS = {
    "create_job", "list_jobs", "get_job", "cancel_job",
    "stop_job",
    "pause_job",
    "resume_job", "delete_job", "get_job_metrics", "get_job_logs",
    "stream_job_events", "stream_events", "create_dataset", "list_datasets", "get_dataset", "list_models",
    "get_model", "delete_model", "get_model_file", "get_alias", "set_alias", "delete_alias", "predict",
    "create_session", "delete_session", "get_health", "get_readiness", "list_workers",
}  # fmt: skip


@pytest.fixture
def document(client: httpx.Client) -> dict[str, Any]:
    document: dict[str, Any] = client.get("/openapi.json").json()
    return document


def _operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for methods in document["paths"].values() for operation in methods.values()]


def test_operation_ids_are_stable(document: dict[str, Any]) -> None:
    assert {operation["operationId"] for operation in _operations(document)} == OPERATIONS


def test_every_error_is_declared_as_a_problem(document: dict[str, Any]) -> None:
    for operation in _operations(document):
        responses = operation["responses"]
        assert {"403", "422", "500"} <= set(responses), operation["operationId"]
        for status, response in responses.items():
            if status >= "400" and operation["operationId"] != "get_readiness":
                content = response["content"]["application/problem+json"]
                assert content["schema"] == {"$ref": "#/components/schemas/Problem"}
                assert content["example"]["status"] == int(status)


@pytest.mark.parametrize(
    ("operation_id", "statuses"),
    [
        ("create_job", {200, 202, 408, 413, 415}),
        ("get_job", {200, 404}),
        ("cancel_job", {200, 404, 409}),
        ("stop_job", {200, 404, 409}),
        ("pause_job", {200, 404, 409}),
        ("resume_job", {200, 404, 409}),
        ("delete_job", {204, 404, 409}),
        ("create_dataset", {201, 408, 409, 413, 415}),
        ("predict", {200, 404, 408, 409, 413, 415}),
    ],
)
def test_each_operation_declares_its_answers(
    document: dict[str, Any], operation_id: str, statuses: set[int]
) -> None:
    [operation] = [known for known in _operations(document) if known["operationId"] == operation_id]
    assert statuses <= {int(status) for status in operation["responses"]}


def test_bodies_have_schemas_and_examples(document: dict[str, Any]) -> None:
    paths = document["paths"]
    for path, method in (("/jobs", "post"), ("/session", "post"), ("/models/{name}/aliases/{alias}", "put")):
        content = paths[path][method]["requestBody"]["content"]["application/json"]
        assert content["examples"]
    assert document["components"]["schemas"]["JobSpec"]["properties"]["epochs"]


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for name in re.findall(r'#/components/schemas/([^"\']+)', str(document)):
        assert name in schemas


def test_fields_of_later_versions_are_left_out(document: dict[str, Any]) -> None:
    spec = document["components"]["schemas"]["JobSpec"]["properties"]
    assert not {"init_from", "gpus", "priority", "webhook_url", "time_budget_s", "rerun_of"} & set(spec)


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_pages_load_from_here_alone(client: httpx.Client, path: str) -> None:
    page = client.get(path)
    assert page.status_code == 200
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assets = re.findall(r'(?:src|href)="([^"#]+)"', page.text)
    assert assets
    for asset in assets:
        assert client.get(f"/{asset}").status_code == 200, asset


def test_assets_are_judged_by_their_declared_type(client: httpx.Client) -> None:
    script = client.get("/dashboard/js/app.js")
    assert script.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'self'" in script.headers["content-security-policy"]
    assert client.get("/dashboard/../app.py").status_code == 404
    assert client.get("/dashboard/%2e%2e/app.py").status_code == 404
