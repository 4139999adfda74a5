"""Problem documents (RFC 9457): how an error becomes the body of an error response."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from api.errors import ApiError
from model.errors import ModelError
from worker.errors import WorkerError

MEDIA_TYPE = "application/problem+json"
REQUEST_ID = "ninefold.request_id"
"""Key of the request id in the ASGI scope."""


class FieldError(BaseModel):
    """What is wrong with one field."""

    param: str
    message: str


class Problem(BaseModel):
    """An error, as RFC 9457 writes it. Some codes have further members: `not_better` has the `comparison`."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str = Field(description="What happened and what to do next.")
    code: str = Field(description="A stable word for programs.")
    request_id: str
    error: str = Field(description="The same as `detail`, where clients of other services look for it.")
    errors: list[FieldError] = Field(default=[], description="Only for bad fields.")


@dataclass(frozen=True)
class Answer:
    """How one class of errors is answered."""

    status: int
    detail: str = ""
    """Replaces the error's message, where the message repeats text of the caller."""
    code: str = ""
    """Replaces the error's own code."""
    retry_after_s: int | None = None
    """Used where the error itself has no `retry_after_s`."""
    headers: Mapping[str, str] = field(default_factory=dict)
    status_by_code: Mapping[str, int] = field(default_factory=dict)
    """Overrides `status` for errors with these codes."""


Answers = Mapping[type[Exception], Answer]
"""A table of errors; an error without an entry is answered like the nearest of its base classes that has one."""


def problem_response(error: Exception, answer: Answer, request_id: str) -> Response:
    """Write the problem document and headers for `error`; `answer` is the entry of its class in the table."""
    code = answer.code or _code_of(error)
    status = answer.status_by_code.get(code, answer.status)
    body: dict[str, Any] = {
        "type": f"urn:ninefold:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": answer.detail or str(error),
        "error": answer.detail or str(error),
        "code": code,
        "request_id": request_id,
    }
    retry_after_s = answer.retry_after_s
    if isinstance(error, ApiError):
        retry_after_s = error.retry_after_s or retry_after_s
        body |= error.members
        if error.field_errors:
            body["errors"] = list(error.field_errors)
    headers = dict(answer.headers) | ({"Retry-After": str(retry_after_s)} if retry_after_s else {})
    # json.dumps escapes a lone surrogate in the name of a field; pydantic would refuse to write it.
    return Response(json.dumps(body), status, headers, MEDIA_TYPE)


def _code_of(error: Exception) -> str:
    return error.code if isinstance(error, (ApiError, WorkerError, ModelError)) else ApiError.code


def unexpected_problem(request_id: str) -> Response:
    """Answer a failure that no table lists."""
    error = ApiError("This is our fault and was logged. Try again, or report the request_id.")
    return problem_response(error, Answer(500), request_id)
