"""The OpenAPI document declares every operation, error and body."""

import re
from typing import Any

import httpx
import pytest

EVERYWHERE = {403, 422, 500}
BEHIND_KEYS = {401, 503}
PUBLIC = {
    *("get_health", "get_readiness", "get_v2_live", "get_v2_ready"),
    *("create_session", "get_session", "delete_session"),
}
BODY = {408, 413, 415}

ANSWERS = {
    "create_job": {200, 202, 404, 409, *BODY},
    "list_jobs": {200},
    "get_job": {200, 404},
    "cancel_job": {200, 404, 409},
    "stop_job": {200, 404, 409},
    "pause_job": {200, 404, 409},
    "resume_job": {200, 404, 409},
    "delete_job": {204, 404, 409},
    "get_job_metrics": {200, 404},
    "get_job_logs": {200, 404},
    "compare_jobs": {200, 404},
    "stream_job_events": {200, 404},
    "stream_events": {200},
    "create_dataset": {201, 202, 409, *BODY},
    "list_datasets": {200, 404},
    "get_dataset": {200, 404},
    "delete_dataset": {200, 204, 404, 409},
    "create_dataset_version": {201, 202, 404, 409, *BODY},
    "list_dataset_versions": {200, 404},
    "download_dataset": {200, 404, 409},
    "describe_uploads": {204},
    "create_upload": {201, 404, 409, 412, 413},
    "get_upload": {200, 404, 409},
    "append_to_upload": {204, 404, 409, 412, *BODY},
    "delete_upload": {204, 404, 412},
    "get_dataset_report": {200, 404, 409},
    "list_dataset_images": {200, 404, 409},
    "get_dataset_image": {200, 304, 404, 409},
    "explain_dataset_image": {200, 404, 409},
    "stream_dataset_events": {200, 404},
    "list_models": {200},
    "get_model": {200, 404, 409},
    "delete_model": {204, 404, 409},
    "get_model_file": {200, 304, 404, 409},
    "get_model_bundle": {200, 304, 404, 409},
    "import_model": {202, *BODY},
    "get_model_import": {200, 404},
    "delete_model_import": {200, 204, 404, 409},
    "get_evaluation": {200, 404, 409},
    "list_evaluated_images": {200, 404, 409},
    "create_prediction": {202, 404, 409, *BODY},
    "list_predictions": {200, 404, 409},
    "get_prediction": {200, 404},
    "get_prediction_rows": {200, 404, 409},
    "get_prediction_image": {200, 404},
    "get_prediction_summary": {200, 404, 409},
    "delete_prediction": {200, 204, 404},
    "stream_prediction_events": {200, 404},
    "create_evaluation": {202, 404, 409, *BODY},
    "list_evaluations": {200, 404, 409},
    "get_evaluation_run": {200, 404, 409},
    "list_images_of_evaluation": {200, 404, 409},
    "delete_evaluation": {200, 204, 404, 409},
    "stream_evaluation_events": {200, 404, 409},
    "get_alias": {200, 404},
    "set_alias": {200, 404, 409, *BODY},
    "list_alias_changes": {200, 404},
    "compare_models": {200, 404, 409},
    "list_compared_images": {200, 404, 409},
    "roll_back_alias": {200, 404, 409, *BODY},
    "delete_alias": {204, 404},
    "get_shadow_traffic": {200, 404, 409},
    "list_shadow_disagreements": {200, 404, 409},
    "get_shadow_disagreement_image": {200, 404, 409},
    "get_review": {200, 404},
    "set_review": {200, 404, *BODY},
    "delete_review": {204, 404},
    "list_review_images": {200, 404},
    "get_review_image": {200, 404},
    "label_review_image": {200, 204, 404, 409, *BODY},
    "make_review_dataset": {202, 404, 409, *BODY},
    "predict": {200, 404, 409, *BODY},
    "classify_for_hugging_face": {200, 404, *BODY},
    "classify_with_model_for_hugging_face": {200, 404, 409, *BODY},
    "get_v2_server": {200},
    "get_v2_live": {200},
    "get_v2_ready": {200, 503},
    "get_v2_model": {200, 404, 409},
    "get_v2_model_version": {200, 404, 409},
    "get_v2_model_ready": {200, 404, 409, 503},
    "get_v2_model_version_ready": {200, 404, 409, 503},
    "infer": {200, 404, 409, *BODY},
    "infer_version": {200, 404, 409, *BODY},
    "get_session": {200, 401},
    "create_session": {200, 401, *BODY},
    "delete_session": {204},
    "get_health": {200},
    "get_readiness": {200, 503},
    "list_workers": {200},
    "get_metrics": {200},
}
"""Statuses of each operation, without those of all operations and of all operations behind keys."""


@pytest.fixture
def document(client: httpx.Client) -> dict[str, Any]:
    document: dict[str, Any] = client.get("/openapi.json").json()
    return document


def _operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for methods in document["paths"].values() for operation in methods.values()]


def test_operation_ids_are_stable(document: dict[str, Any]) -> None:
    assert {operation["operationId"] for operation in _operations(document)} == set(ANSWERS)


def test_every_error_is_declared_as_a_problem(document: dict[str, Any]) -> None:
    for operation in _operations(document):
        responses = operation["responses"]
        assert {"403", "422", "500"} <= set(responses), operation["operationId"]
        for status, response in responses.items():
            if status >= "400" and operation["operationId"] not in ("get_readiness", "get_v2_ready"):
                content = response["content"]["application/problem+json"]
                assert content["schema"] == {"$ref": "#/components/schemas/Problem"}
                assert content["example"]["status"] == int(status)


@pytest.mark.parametrize("operation_id", ANSWERS)
def test_each_operation_declares_exactly_its_statuses(document: dict[str, Any], operation_id: str) -> None:
    [operation] = [known for known in _operations(document) if known["operationId"] == operation_id]
    behind_keys = set() if operation_id in PUBLIC else BEHIND_KEYS
    declared = {int(status) for status in operation["responses"]}
    assert declared == ANSWERS[operation_id] | EVERYWHERE | behind_keys


def test_bodies_have_schemas_and_examples(document: dict[str, Any]) -> None:
    paths = document["paths"]
    for path, method in (("/jobs", "post"), ("/session", "post"), ("/models/{name}/aliases/{alias}", "put")):
        content = paths[path][method]["requestBody"]["content"]["application/json"]
        assert content["examples"]
    assert document["components"]["schemas"]["JobSpec"]["properties"]["epochs"]


def test_every_reference_resolves(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for name in re.findall(r'#/components/schemas/([^"\']+)', str(document)):
        assert name in schemas


def test_schemas_have_names_of_which_generated_clients_can_make_classes(document: dict[str, Any]) -> None:
    """Two models of one name would have the names of their modules before it, which some generators cut off again."""
    assert [name for name in document["components"]["schemas"] if "__" in name] == []


def test_fields_of_later_versions_are_absent(document: dict[str, Any]) -> None:
    spec = document["components"]["schemas"]["JobSpec"]["properties"]
    assert not {"webhook_url", "rerun_of", "extend"} & set(spec)


def test_keys_and_the_session_cookie_are_declared(document: dict[str, Any]) -> None:
    schemes = document["components"]["securitySchemes"]
    assert schemes["key"]["scheme"] == "bearer"
    assert (schemes["session"]["in"], schemes["session"]["name"]) == ("cookie", "ninefold_session")
    assert document["paths"]["/jobs"]["get"]["security"] == [{"key": []}, {"session": []}, {}]
