"""Makes the OpenAPI document complete: every error declared, every body and problem in its components."""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from api.http.problem import MEDIA_TYPE, Problem
from api.schemas import AliasTarget, JobSpec, SessionRequest

_BODIES: Sequence[type[BaseModel]] = (JobSpec, AliasTarget, SessionRequest)
_REASONS = {
    401: ("unauthorized", "No key, or a wrong one."),
    403: ("origin_not_allowed", "A Host or Origin that may not ask this."),
    404: ("not_found", "Unknown."),
    408: ("upload_timeout", "The body took too long."),
    409: ("wrong_state", "The state of the thing does not allow it."),
    413: ("body_too_large", "The body is too large."),
    415: ("unsupported_media_type", "The Content-Type is not one that this takes."),
    422: ("invalid_request", "A parameter or the body is not valid."),
    500: ("internal_error", "Our fault; it was logged under the request_id."),
    503: ("redis_unavailable", "Not now: Retry-After says when to try again."),
}
_EVERYWHERE = (403, 422, 500)
_BEHIND_KEYS = (401, 503)
_PUBLIC = {"/healthz", "/readyz", "/session"}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route declares of its errors beyond those that every route has."""
    return {status: _response(status) for status in statuses}


def _response(status: int) -> dict[str, Any]:
    code, description = _REASONS[status]
    example = {
        "type": f"urn:ninefold:problem:{code}",
        "title": description.rstrip("."),
        "status": status,
        "detail": description,
        "code": code,
        "request_id": "req_5f3c9a1be2d84c7097a1b6f0",
    }
    response: dict[str, Any] = {
        "description": description,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}},
    }
    if status == 503:
        response["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}}
    return response


def document(app: FastAPI) -> dict[str, Any]:
    """The whole document, made once."""
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        _add_components(schema)
        for path, operations in schema["paths"].items():
            for operation in operations.values():
                _complete(path, operation)
        if app.root_path:
            schema["servers"] = [{"url": app.root_path}]
        app.openapi_schema = schema
    return app.openapi_schema


def _add_components(schema: dict[str, Any]) -> None:
    models = [(model, "validation") for model in _BODIES] + [(Problem, "serialization")]
    _, definitions = models_json_schema(models, ref_template="#/components/schemas/{model}")  # type: ignore[arg-type]  # a list of literals
    components = schema.setdefault("components", {})
    components.setdefault("schemas", {}).update(definitions["$defs"])
    components["securitySchemes"] = {
        "key": {
            "type": "http",
            "scheme": "bearer",
            "description": "A key of NINEFOLD_API_KEYS, if it is set.",
        }
    }


def _complete(path: str, operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    # FastAPI declares 422 in a form that we never answer.
    expected = (*_EVERYWHERE, *(() if path in _PUBLIC else _BEHIND_KEYS))
    responses.pop("422", None)
    for status in expected:
        responses.setdefault(str(status), _response(status))
    operation["responses"] = dict(sorted(responses.items()))
    operation["security"] = [] if path in _PUBLIC else [{"key": []}, {}]
