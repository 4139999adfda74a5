"""Completes FastAPI's OpenAPI document: declares every error of every route, and the schemas of request bodies."""

from collections.abc import Callable, Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from api.http.problem import MEDIA_TYPE, Problem

_PROBLEMS = {
    401: ("unauthorized", "No key, or a wrong key."),
    403: ("origin_not_allowed", "A Host or Origin that is not allowed."),
    404: ("not_found", "Unknown."),
    408: ("upload_timeout", "The body took too long."),
    409: ("wrong_state", "The current state does not allow this."),
    412: ("unsupported_tus_version", "Another version of the tus protocol."),
    413: ("body_too_large", "The body is too large."),
    415: ("unsupported_media_type", "The Content-Type is not accepted here."),
    422: ("invalid_request", "A parameter or the body is not valid."),
    500: ("internal_error", "A failure of the service, logged under the request_id."),
    503: ("redis_unavailable", "Not available now: Retry-After says when to try again."),
}
"""Status → the code of the example, and the description."""
_STATUSES_OF_ALL_ROUTES = (403, 422, 500)
_STATUSES_BEHIND_KEYS = (401, 503)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Declare the error statuses that a route has in addition to those of all routes, as its `responses`."""
    return {status: _response(status) for status in statuses}


def _response(status: int) -> dict[str, Any]:
    code, description = _PROBLEMS[status]
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


class OpenApiDocument:
    """Builds the OpenAPI document of an app.

    Args:
        bodies: models of the request bodies that routes read by `read_json`, which FastAPI does not see.
        is_public: says of a method and a path whether the call needs no key.
        cookie: name of the session cookie.
    """

    def __init__(
        self,
        app: FastAPI,
        bodies: Sequence[type[BaseModel]],
        is_public: Callable[[str, str], bool],
        cookie: str,
    ) -> None:
        self._app = app
        self._bodies = bodies
        self._is_public = is_public
        self._cookie = cookie

    def build(self) -> dict[str, Any]:
        """Return the document, which is built once."""
        if self._app.openapi_schema is None:
            self._app.openapi_schema = self._build()
        return self._app.openapi_schema

    def _build(self) -> dict[str, Any]:
        app = self._app
        document = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        self._add_components(document)
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                _complete(operation, is_public=self._is_public(method.upper(), path))
        if app.root_path:
            document["servers"] = [{"url": app.root_path}]
        return document

    def _add_components(self, document: dict[str, Any]) -> None:
        models = [(model, "validation") for model in self._bodies] + [(Problem, "serialization")]
        _, definitions = models_json_schema(models, ref_template="#/components/schemas/{model}")  # type: ignore[arg-type]  # a list of literals
        components = document.setdefault("components", {})
        components.setdefault("schemas", {}).update(definitions["$defs"])
        components["securitySchemes"] = {
            "key": {
                "type": "http",
                "scheme": "bearer",
                "description": "A key of NINEFOLD_API_KEYS, if that is set.",
            },
            "session": {
                "type": "apiKey",
                "in": "cookie",
                "name": self._cookie,
                "description": "The cookie that POST /session sets, for pages of this service.",
            },
        }


def _complete(operation: dict[str, Any], *, is_public: bool) -> None:
    responses = operation["responses"]
    responses.pop("422", None)  # FastAPI declares its own validation error, which this API never sends
    for status in (*_STATUSES_OF_ALL_ROUTES, *(() if is_public else _STATUSES_BEHIND_KEYS)):
        responses.setdefault(str(status), _response(status))
    operation["responses"] = dict(sorted(responses.items()))
    operation["security"] = [] if is_public else [{"key": []}, {"session": []}, {}]
